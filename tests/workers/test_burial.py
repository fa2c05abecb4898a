"""What is given up says so on its job, and is kept as a letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models import jobs, troubles
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.lifecycle import Move, advance
from tagfleet.models.queues import CLUSTERS_QUEUE, FINISH_QUEUE, RECOVER_QUEUE
from tagfleet.models.states import JobStatus
from tagfleet.workers.broker.delivery import Delivery
from tagfleet.workers.burial import bury
from tagfleet.workers.fleet import Fleet

from ..models.samples import a_request, request_data
from .samples import NotedBus, a_delivery, a_fleet

REASON = "It kills its worker."


@pytest.fixture
def bus() -> NotedBus:
    return NotedBus()


@pytest.fixture
def fleet(mongodb: object, tmp_path: Path, bus: NotedBus) -> Fleet:
    return a_fleet(tmp_path, bus)


def recorded(**changes: Any) -> Job:
    jobs.record(a_request(**changes), "etl", worker="w", ring_at=now(), queue_seconds=60)
    return jobs.get("job-1")


def work(queue: str, *arguments: object) -> Delivery:
    return a_delivery({"args": arguments}, queue=queue, exchange="", routing_key=queue)


def test_a_request_that_no_job_was_made_of_is_recorded_as_invalid(
    fleet: Fleet, bus: NotedBus
) -> None:
    bury(fleet, bus, a_delivery(request_data()), REASON)
    job = jobs.get("job-1")
    assert (job.status, job.status_message) == (JobStatus.INVALID, REASON)
    assert bus.dead == [REASON]


def test_a_request_without_an_id_is_a_letter_only(fleet: Fleet, bus: NotedBus) -> None:
    bury(fleet, bus, a_delivery(b"\xff"), REASON)
    assert Job.objects.count() == 0
    assert bus.dead == [REASON]


def test_the_job_of_a_request_that_is_given_up_fails_and_is_finished(
    fleet: Fleet, bus: NotedBus
) -> None:
    recorded()
    bury(fleet, bus, a_delivery(request_data()), REASON)
    job = jobs.get("job-1")
    assert (job.status, job.history[-1].message) == (JobStatus.FAILED, REASON)
    assert bus.rung == [("finish", ["job-1"])]


def test_a_job_of_another_request_goes_on(fleet: Fleet, bus: NotedBus) -> None:
    recorded(name="another")
    bury(fleet, bus, a_delivery(request_data()), REASON)
    bury(fleet, bus, a_delivery({"id": "job-1"}), REASON)
    assert jobs.get("job-1").status is JobStatus.RESERVED
    assert bus.dead == [REASON, REASON]


def test_a_job_that_is_on_its_cluster_goes_on(fleet: Fleet, bus: NotedBus) -> None:
    recorded()
    for before, after in (
        (JobStatus.RESERVED, JobStatus.RESOLVED),
        (JobStatus.RESOLVED, JobStatus.ACCEPTED),
    ):
        advance(Move(job_id="job-1", before=before, after=after, message="on"), worker="w")
    bury(fleet, bus, a_delivery(request_data()), REASON)
    bury(fleet, bus, work(RECOVER_QUEUE, ["job-1"]), REASON)
    assert jobs.get("job-1").status is JobStatus.ACCEPTED


def test_a_job_that_cannot_be_taken_on_fails(fleet: Fleet, bus: NotedBus) -> None:
    recorded()
    bury(fleet, bus, work(RECOVER_QUEUE, ["job-1"]), REASON)
    assert jobs.get("job-1").status is JobStatus.FAILED
    assert bus.dead == [REASON]


def test_a_job_that_cannot_be_finished_says_so_and_is_not_rung_for_again(
    fleet: Fleet, bus: NotedBus
) -> None:
    # Given
    recorded()
    ends = Move(
        job_id="job-1", before=JobStatus.RESERVED, after=JobStatus.FAILED, message="no cluster"
    )
    advance(ends, worker="w")
    # When
    bury(fleet, bus, work(FINISH_QUEUE, ["job-1"]), REASON)
    # Then
    job = jobs.get("job-1")
    assert (job.archive_status, job.archive_message, job.ring_at) == ("FAILED", REASON, None)
    assert (job.status, job.status_message) == (JobStatus.FAILED, "no cluster")
    # And its end is told all the same
    assert [event.body["type"] for event in bus.events] == ["JOB_FINISHED"]


@pytest.mark.parametrize(("queue", "actor"), [(FINISH_QUEUE, "finish"), (RECOVER_QUEUE, "take_on")])
def test_of_jobs_that_share_a_message_each_is_tried_by_itself_before_any_is_given_up(
    fleet: Fleet, bus: NotedBus, queue: str, actor: str
) -> None:
    recorded()
    bury(fleet, bus, work(queue, ["job-1", "job-2"]), REASON)
    assert bus.rung == [(actor, ["job-1"]), (actor, ["job-2"])]
    assert bus.dead == []
    assert jobs.get("job-1").status is JobStatus.RESERVED


def test_a_cluster_whose_pass_fails_each_time_leaves_one_letter_a_day(
    fleet: Fleet, bus: NotedBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        bury(fleet, bus, work(CLUSTERS_QUEUE, "j-1"), REASON)
    bury(fleet, bus, work(CLUSTERS_QUEUE, "j-2"), REASON)
    assert len(bus.dead) == 2
    # When the day is over
    monkeypatch.setattr(troubles, "KNOWN_FOR", troubles.KNOWN_FOR * 0)
    bury(fleet, bus, work(CLUSTERS_QUEUE, "j-1"), REASON)
    assert len(bus.dead) == 3


@pytest.mark.parametrize("body", [b"\xff", b"7", json.dumps({"args": []}).encode(), b'{"args": 7}'])
@pytest.mark.parametrize("queue", [CLUSTERS_QUEUE, FINISH_QUEUE, RECOVER_QUEUE])
def test_work_that_cannot_be_read_is_a_letter(
    fleet: Fleet, bus: NotedBus, body: bytes, queue: str
) -> None:
    bury(fleet, bus, a_delivery(body, queue=queue), REASON)
    assert bus.dead == [REASON]
