"""A batch of events moves the jobs in MongoDB, and tells who is to know."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tagfleet.models import jobs
from tagfleet.models import lease as leases
from tagfleet.models.database import now
from tagfleet.models.errors import ServiceUnavailable
from tagfleet.models.job import Job, KillRequest
from tagfleet.models.lifecycle import Move, advance
from tagfleet.models.states import JobStatus
from tagfleet.workers.bus import Event
from tagfleet.workers.emr_events import apply as applying
from tagfleet.workers.emr_events.apply import apply
from tagfleet.workers.emr_events.parse import EmrEvent, parse
from tagfleet.workers.fleet import Fleet

from ..samples import NotedBus, a_fleet
from .samples import CLUSTER, START, a_job, a_step_event, cluster_body


@pytest.fixture
def bus() -> NotedBus:
    return NotedBus()


@pytest.fixture
def fleet(mongodb: object, bus: NotedBus, tmp_path: Path) -> Fleet:
    return a_fleet(tmp_path, bus)


def status(job_id: str = "job-1") -> JobStatus:
    return jobs.get(job_id).status


def a_sweep_at(moment_ago: float = 0) -> None:
    """The cluster was looked at, so long ago in seconds."""
    lease = leases.acquire(CLUSTER, "w", 60)
    assert lease
    lease.release(swept_at=now() - timedelta(seconds=moment_ago))
    assert leases.look([CLUSTER])[CLUSTER].swept_at


def is_due() -> bool:
    return leases.look([CLUSTER])[CLUSTER].swept_at is None


def a_cluster_event(state: str) -> EmrEvent:
    found = parse(cluster_body(state))
    assert found
    return found


def test_a_job_goes_from_submission_to_its_end_and_the_next_stage_is_rung_for(
    fleet: Fleet, bus: NotedBus
) -> None:
    # Given a submission whose answer was lost
    a_job(JobStatus.CLAIMED).save()
    # When the step's events come one by one
    apply(fleet, [a_step_event("PENDING")])
    assert (status(), jobs.get("job-1").step_id) == (JobStatus.INIT, "s-1")
    apply(fleet, [a_step_event("RUNNING")])
    assert (status(), jobs.get("job-1").started) == (JobStatus.RUNNING, START)
    apply(fleet, [a_step_event("COMPLETED")])
    # Then the job has ended, and who is to know does
    assert (status(), jobs.get("job-1").exit_code) == (JobStatus.SUCCEEDED, 0)
    assert [event.routing_key for event in bus.events] == ["job.RUNNING.job-1"]
    assert bus.rung == [("finish", ["job-1"])]


def test_the_same_events_again_change_nothing_and_tell_nobody(fleet: Fleet, bus: NotedBus) -> None:
    a_job(JobStatus.INIT).save()
    events = [a_step_event("COMPLETED"), a_step_event("RUNNING")]
    apply(fleet, events)
    before, told = jobs.get("job-1").to_mongo(), (list(bus.events), list(bus.rung))
    for event in events:
        apply(fleet, [event])
    assert jobs.get("job-1").to_mongo() == before
    assert (bus.events, bus.rung) == told


def test_a_failure_is_told_with_its_reason(fleet: Fleet) -> None:
    a_job(JobStatus.RUNNING).save()
    apply(fleet, [a_step_event("FAILED", message="Out of disk.")])
    assert (status(), jobs.get("job-1").failure) == (JobStatus.FAILED, "Out of disk.")


def test_many_jobs_are_moved_by_one_write(fleet: Fleet, bus: NotedBus) -> None:
    # Given jobs in different states, of different steps
    for number in range(60):
        a_job(JobStatus.INIT, id=f"job-{number}", step_id=f"s-{number}").save()
    # When their ends come together
    names = {f"s-{number}": f"job-{number}.1 daily" for number in range(60)}
    apply(fleet, [a_step_event("COMPLETED", step_id, name=name) for step_id, name in names.items()])
    # Then all have ended, and a few messages ring for them all
    assert {status(f"job-{number}") for number in range(60)} == {JobStatus.SUCCEEDED}
    assert [len(ids) for _, ids in bus.rung] == [25, 25, 10]
    assert len({jobs.get(f"job-{number}").batch for number in range(60)}) == 1


def test_steps_of_others_and_of_other_attempts_are_passed_over(fleet: Fleet) -> None:
    a_job(JobStatus.CLAIMED, attempt=2).save()
    apply(
        fleet,
        [
            a_step_event("COMPLETED", "s-1"),
            a_step_event("COMPLETED", "s-2", name="Custom JAR"),
            a_step_event("COMPLETED", "s-3", name="job-1.2 another name"),
            a_step_event("COMPLETED", "s-4", name="nobody.1 daily"),
        ],
    )
    assert status() is JobStatus.CLAIMED


def test_of_two_steps_of_one_claim_the_first_is_adopted_and_a_sweep_looks_at_both(
    fleet: Fleet,
) -> None:
    a_job(JobStatus.CLAIMED).save()
    a_sweep_at()
    apply(fleet, [a_step_event("PENDING", "s-1"), a_step_event("PENDING", "s-2")])
    assert (status(), jobs.get("job-1").step_id) == (JobStatus.INIT, "s-1")
    assert is_due()


def test_the_end_of_a_doubled_step_does_not_end_the_job_but_makes_a_sweep_due(
    fleet: Fleet,
) -> None:
    a_job(JobStatus.RUNNING, doubted_since=START).save()
    a_sweep_at()
    apply(fleet, [a_step_event("COMPLETED")])
    assert status() is JobStatus.RUNNING
    assert is_due()


def test_the_end_of_a_killed_step_waits_for_the_next_sweep_which_is_near(fleet: Fleet) -> None:
    a_job(JobStatus.RUNNING, kill=KillRequest(reason="typo", time=START)).save()
    a_sweep_at()
    apply(fleet, [a_step_event("CANCELLED")])
    assert status() is JobStatus.RUNNING
    assert not is_due()


@pytest.mark.parametrize("state", ["TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"])
def test_the_end_of_a_cluster_makes_a_sweep_due(fleet: Fleet, state: str) -> None:
    a_sweep_at()
    apply(fleet, [a_cluster_event("RUNNING")])
    assert not is_due()
    apply(fleet, [a_cluster_event(state)])
    assert is_due()


def test_a_cluster_that_ends_while_a_pass_looks_at_it_is_looked_at_again(fleet: Fleet) -> None:
    # Given a pass that has looked already, and is not done
    lease = leases.acquire(CLUSTER, "w", 60)
    assert lease
    looked = now() - timedelta(seconds=1)
    # When the cluster ends
    apply(fleet, [a_cluster_event("TERMINATED")])
    lease.release(swept_at=looked)
    # Then that look does not count
    assert is_due()
    # But the next one does
    a_sweep_at(-1)


def test_a_job_that_somebody_else_moves_meanwhile_is_judged_anew(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job that another worker moves between our reading and our writing
    a_job(JobStatus.INIT).save()
    advance_all = applying.advance_all

    def overtaken(moves: Sequence[Move], *, worker: str) -> list[Move]:
        if status() is JobStatus.INIT:
            advance(
                Move(
                    job_id="job-1",
                    before=JobStatus.INIT,
                    after=JobStatus.RUNNING,
                    message="Overtaken.",
                ),
                worker="another",
            )
        return advance_all(moves, worker=worker)

    monkeypatch.setattr(applying, "advance_all", overtaken)
    # When its end comes
    apply(fleet, [a_step_event("COMPLETED")])
    # Then it ends from where it is now
    assert [entry.status for entry in jobs.get("job-1").history] == [
        JobStatus.RUNNING,
        JobStatus.SUCCEEDED,
    ]


def test_two_listeners_that_share_a_queue_end_each_job_once(fleet: Fleet, bus: NotedBus) -> None:
    # Given the events of many steps, each of them twice, in two hands
    numbers = range(40)
    for number in numbers:
        a_job(JobStatus.CLAIMED, id=f"job-{number}").save()
    states = ("RUNNING", "COMPLETED", "PENDING")
    events = [
        a_step_event(state, f"s-{number}", name=f"job-{number}.1 daily")
        for state in states
        for number in numbers
    ]
    hands = [events, events[::-1]]
    # When both apply them at once, in batches of their own
    threads = [threading.Thread(target=_apply_in_batches, args=(fleet, hand)) for hand in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Then every job has ended, and was rung for once
    assert {status(f"job-{number}") for number in numbers} == {JobStatus.SUCCEEDED}
    rung = [job_id for _, ids in bus.rung for job_id in ids]
    assert sorted(rung) == sorted(f"job-{number}" for number in numbers)


def _apply_in_batches(fleet: Fleet, events: Sequence[EmrEvent]) -> None:
    for begin in range(0, len(events), 7):
        apply(fleet, events[begin : begin + 7])


class DumbBus(NotedBus):
    """A bus whose broker is away."""

    def ring(self, actor: str, *arguments: str | list[str]) -> None:
        raise ServiceUnavailable("RabbitMQ", "here", "it is away")

    def tell(self, events: Sequence[Event]) -> None:
        raise ServiceUnavailable("RabbitMQ", "here", "it is away")


def test_without_a_broker_the_jobs_move_all_the_same_and_the_clock_rings_later(
    mongodb: object, tmp_path: Path
) -> None:
    fleet = a_fleet(tmp_path, DumbBus())
    a_job(JobStatus.INIT).save()
    apply(fleet, [a_step_event("RUNNING")])
    apply(fleet, [a_step_event("COMPLETED")])
    assert status() is JobStatus.SUCCEEDED
    assert Job.objects(id="job-1", ring_at__exists=True).count() == 1
