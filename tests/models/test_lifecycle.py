"""A job's status moves by compare-and-set, along the table of moves, and never from an end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tagfleet.models import jobs, lifecycle
from tagfleet.models.database import now
from tagfleet.models.lifecycle import Move, advance, advance_all
from tagfleet.models.states import MOVES, TERMINAL, JobStatus

from .samples import a_request


@pytest.fixture
def recorded(mongodb: object) -> list[str]:
    ids = [f"job-{number}" for number in range(3)]
    for job_id in ids:
        jobs.record(
            a_request(id=job_id),
            "default",
            worker="w",
            ring_at=now() + timedelta(hours=1),
            queue_seconds=60,
        )
    return ids


def resolve(job_id: str) -> Move:
    return Move(job_id=job_id, before=JobStatus.RESERVED, after=JobStatus.RESOLVED, message="found")


def test_a_move_is_written_to_the_history_with_its_worker(recorded: list[str]) -> None:
    assert advance(resolve(recorded[0]), worker="host:1")
    job = jobs.get(recorded[0])
    assert job.status is JobStatus.RESOLVED
    assert (job.history[-1].message, job.history[-1].worker) == ("found", "host:1")


def test_a_move_from_a_status_that_the_job_has_left_changes_nothing(recorded: list[str]) -> None:
    advance(resolve(recorded[0]), worker="a")
    assert not advance(resolve(recorded[0]), worker="b")
    assert len(jobs.get(recorded[0]).history) == 2


def test_a_move_that_the_table_does_not_know_is_a_mistake_of_ours(recorded: list[str]) -> None:
    with pytest.raises(ValueError, match="RESERVED to RUNNING"):
        advance(
            Move(
                job_id=recorded[0], before=JobStatus.RESERVED, after=JobStatus.RUNNING, message=""
            ),
            worker="w",
        )


def test_of_a_batch_those_that_moved_are_returned(recorded: list[str]) -> None:
    advance(resolve(recorded[1]), worker="other")
    moved = advance_all([resolve(job_id) for job_id in recorded], worker="w")
    assert [move.job_id for move in moved] == [recorded[0], recorded[2]]


def test_listeners_hear_of_each_move_that_happened(
    recorded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    monkeypatch.setattr(lifecycle, "_listeners", [lambda move: heard.append(move.job_id)])
    advance_all([resolve(recorded[0])], worker="w")
    advance_all([resolve(recorded[0])], worker="w")
    assert heard == [recorded[0]]


def test_an_end_sets_finished_and_asks_for_the_finishing_touch(recorded: list[str]) -> None:
    advance(
        Move(job_id=recorded[0], before=JobStatus.RESERVED, after=JobStatus.FAILED, message="x"),
        worker="w",
    )
    job = jobs.get(recorded[0])
    assert job.finished is not None
    assert job.ring_at is not None


def test_no_status_is_left_once_it_is_terminal() -> None:
    assert not TERMINAL & set(MOVES)
    assert set(MOVES) | TERMINAL == set(JobStatus)
