"""What a step's state means for its job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfleet.models.job import Job, KillRequest
from tagfleet.models.states import MOVES, JobStatus
from tagfleet.workers.engines.base import StepReport, StepState
from tagfleet.workers.step_moves import MOST_ATTEMPTS, STATUS_OF, merged, move_by_event, move_to

START = datetime(2026, 1, 1, tzinfo=UTC)


def a_job(status: JobStatus = JobStatus.RUNNING, **changes: Any) -> Job:
    return Job(
        id="job-1", name="n", status=status, step_id="s-1", cluster_id="main", timeout=60, **changes
    )


def a_report(state: StepState, step_id: str = "s-1", **changes: Any) -> StepReport:
    parts = {"name": "job-1.1 n", "created": START, **changes}
    return StepReport(step_id=step_id, state=state, **parts)


def test_every_state_that_emr_knows_has_a_meaning() -> None:
    assert set(STATUS_OF) == set(StepState)


def test_a_running_step_starts_the_clock_of_its_timeout() -> None:
    move = move_to(a_job(JobStatus.INIT), a_report(StepState.RUNNING, started=START))
    assert move is not None
    assert move.after is JobStatus.RUNNING
    assert move.also["ring_at"] == START + timedelta(seconds=60)


def test_a_kill_wins_over_success() -> None:
    killed = a_job(kill=KillRequest(reason="typo", time=START))
    move = move_to(killed, a_report(StepState.COMPLETED))
    assert move is not None
    assert (move.after, move.message) == (JobStatus.KILLED, "Killed: typo")


def test_a_step_that_is_lost_with_its_cluster_fails_its_job() -> None:
    move = move_to(a_job(), a_report(StepState.INTERRUPTED))
    assert move is not None
    assert move.after is JobStatus.FAILED


def test_an_idempotent_job_that_is_lost_with_its_cluster_is_routed_anew_as_its_next_attempt() -> (
    None
):
    move = move_to(a_job(idempotent=True), a_report(StepState.INTERRUPTED, failure="no nodes"))
    assert move is not None
    assert move.after is JobStatus.RESERVED
    assert move.also["attempt"] == 2
    [first] = move.also["attempts"]
    assert (first["number"], first["step_id"], first["cause"]) == (1, "s-1", "no nodes")
    assert move.also["step_id"] is None
    assert move.where["attempt"] == 1


def test_an_idempotent_job_is_not_run_again_for_ever() -> None:
    job = a_job(idempotent=True, attempt=MOST_ATTEMPTS)
    move = move_to(job, a_report(StepState.INTERRUPTED))
    assert move is not None
    assert move.after is JobStatus.FAILED


@pytest.mark.parametrize(("gone", "after"), [(True, JobStatus.RESERVED), (False, JobStatus.FAILED)])
def test_a_cancelled_step_of_an_idempotent_job_is_lost_only_if_its_cluster_is(
    gone: bool, after: JobStatus
) -> None:
    job = a_job(idempotent=True)
    move = move_to(job, a_report(StepState.CANCELLED), cluster_is_gone=gone)
    assert move is not None
    assert move.after is after


def test_a_failure_of_an_idempotent_job_is_its_own_and_final() -> None:
    move = move_to(a_job(idempotent=True), a_report(StepState.FAILED), cluster_is_gone=True)
    assert move is not None
    assert move.after is JobStatus.FAILED


def test_an_event_does_not_end_a_job_of_which_the_cluster_may_have_two_steps() -> None:
    doubled = a_job(doubted_since=START)
    assert move_by_event(doubled, a_report(StepState.COMPLETED)) is None
    assert move_to(doubled, a_report(StepState.COMPLETED)) is not None


def test_an_event_does_not_end_a_killed_job_whose_application_may_run_on() -> None:
    killed = a_job(kill=KillRequest(reason="typo", time=START))
    assert move_by_event(killed, a_report(StepState.CANCELLED)) is None


@pytest.mark.parametrize(
    ("states", "told_by"),
    [
        # The second stood down while the first one runs.
        ([StepState.RUNNING, StepState.COMPLETED], StepState.RUNNING),
        ([StepState.COMPLETED, StepState.PENDING], StepState.PENDING),
        # The first failed, the second stood down.
        ([StepState.FAILED, StepState.COMPLETED], StepState.FAILED),
        ([StepState.COMPLETED, StepState.FAILED], StepState.FAILED),
    ],
)
def test_of_two_steps_of_one_job_the_one_that_has_the_claim_tells_how_the_job_does(
    states: list[StepState], told_by: StepState
) -> None:
    reports = [a_report(state, f"s-{n}", started=START) for n, state in enumerate(states)]
    assert merged(reports).state is told_by


def test_a_step_that_never_started_says_nothing_beside_one_that_did() -> None:
    cancelled = a_report(StepState.CANCELLED, "s-1")
    done = a_report(StepState.COMPLETED, "s-2", started=START)
    assert merged([cancelled, done]) is done


LIFE = [StepState.PENDING, StepState.RUNNING, StepState.CANCEL_PENDING]
ENDS = [StepState.COMPLETED, StepState.FAILED, StepState.CANCELLED]


@given(st.sampled_from(ENDS), st.data())
def test_in_whatever_order_and_however_often_reports_come_a_job_ends_as_its_step_ended(
    end: StepState, data: st.DataObject
) -> None:
    # Given all reports of a step's life, shuffled, some of them twice, its end among them
    life = data.draw(st.lists(st.sampled_from([*LIFE, end]), max_size=12).map(lambda x: [*x, end]))
    job = a_job(JobStatus.CLAIMED, epoch=1, claimed=START)
    for state in data.draw(st.permutations(life)):
        move = None if job.status.is_terminal else move_to(job, a_report(state, started=START))
        if move:
            # Then each move is one forward
            assert move.after in MOVES[job.status]
            job.status = move.after
    assert job.status is STATUS_OF[end]
