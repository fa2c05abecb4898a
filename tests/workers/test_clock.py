"""What the clock rings for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models import catalog, jobs
from tagfleet.models import lease as leases
from tagfleet.models.database import database, now
from tagfleet.models.job import Job
from tagfleet.models.states import JobStatus
from tagfleet.workers.accept import accept
from tagfleet.workers.clock import Clock
from tagfleet.workers.retention import forget_old_jobs

from ..models.samples import a_cluster, a_command, a_request, request_data
from .samples import NotedBus, a_delivery, a_fleet


class Bench:
    """A clock that ticks when the test says so."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.bus = NotedBus()
        catalog.apply([a_cluster(), a_command()])
        self.fleet = a_fleet(folder, self.bus, **settings)
        self.clock = Clock(self.fleet)
        self.tick()

    def tick(self) -> list[Any]:
        """One tick; what it rang for."""
        self.bus.rung.clear()
        self.clock.tick()
        return list(self.bus.rung)

    def job(self, job_id: str, status: JobStatus = JobStatus.ACCEPTED, **fields: Any) -> None:
        """A job that was accepted, and has come as far as the status."""
        accept(self.fleet, self.bus, a_delivery(request_data(id=job_id)))
        Job.objects(id=job_id).update_one(set__status=status, **fields)

    def swept_now(self) -> None:
        """A pass over the cluster has just looked at it."""
        lease = leases.acquire("j-MAIN", "w", 60)
        assert lease
        lease.release(swept_at=now())


@pytest.fixture
def bench(mongodb: object, tmp_path: Path) -> Bench:
    return Bench(tmp_path, BATCH_SECONDS="0")


def test_a_cluster_with_a_job_that_waits_for_a_slot_is_rung_for_once(bench: Bench) -> None:
    bench.job("a")
    assert bench.tick() == [("reconcile", "j-MAIN")]
    assert bench.tick() == []


def test_a_cluster_that_rests_is_left_alone(bench: Bench) -> None:
    bench.job("a")
    lease = leases.acquire("j-MAIN", "w", 60)
    assert lease
    lease.release(rest_until=now() + timedelta(seconds=60))
    assert bench.tick() == []


def test_a_cluster_whose_steps_were_listed_just_now_is_left_alone(bench: Bench) -> None:
    bench.job("a", JobStatus.RUNNING)
    bench.swept_now()
    Job.objects(id="a").update_one(set__ring_at=now() + timedelta(hours=1))
    assert bench.tick() == []


def test_a_kill_rings_for_the_cluster_at_once(bench: Bench) -> None:
    # Given a cluster that was looked at just now
    bench.job("a", JobStatus.RUNNING)
    bench.swept_now()
    # When
    jobs.ask_to_kill("a", "typo")
    # Then
    assert bench.tick() == [("reconcile", "j-MAIN")]


def test_a_job_that_ran_out_of_time_rings_for_its_cluster(bench: Bench) -> None:
    bench.job("a", JobStatus.RUNNING, set__ring_at=now() - timedelta(seconds=1))
    bench.swept_now()
    assert bench.tick() == [("reconcile", "j-MAIN")]
    # And not with each tick, where no pass comes
    assert bench.tick() == []


def test_no_cluster_is_rung_for_while_a_pass_is_under_way_there(bench: Bench) -> None:
    bench.job("a")
    lease = leases.acquire("j-MAIN", "w", 60)
    assert bench.tick() == []
    assert lease
    lease.release()
    assert bench.tick() == [("reconcile", "j-MAIN")]


def test_a_change_of_the_catalog_rings_for_those_who_wait_for_a_cluster(bench: Bench) -> None:
    # Given a job that waits for a drained cluster, and will be looked at in minutes
    catalog.apply([a_cluster(status="OUT_OF_SERVICE")])
    bench.fleet.catalog._looked = 0.0
    accept(bench.fleet, bench.bus, a_delivery(request_data(id="a")))
    assert jobs.get("a").status is JobStatus.RESERVED
    bench.tick()
    Job.objects(id="a").update_one(set__ring_at=now() + timedelta(minutes=5))
    assert bench.tick() == []
    # When
    catalog.apply([a_cluster()])
    # Then
    assert bench.tick() == [("take_on", ["a"])]


def test_jobs_that_were_left_behind_share_a_message(bench: Bench) -> None:
    # Given
    for number in range(12):
        jobs.record(
            a_request(id=f"job-{number}"), "etl", worker="w", ring_at=now(), queue_seconds=60
        )
    # Then
    rung = bench.tick()
    assert [actor for actor, _ in rung] == ["take_on", "take_on"]
    assert sorted(job_id for _, ids in rung for job_id in ids) == sorted(
        f"job-{number}" for number in range(12)
    )
    # And the next tick leaves their messages time
    assert bench.tick() == []


def test_an_ended_job_that_nobody_finished_is_rung_for(bench: Bench) -> None:
    bench.job("a", JobStatus.FAILED, set__ring_at=now() - timedelta(seconds=1))
    assert bench.tick() == [("finish", ["a"])]


def test_while_events_tell_of_steps_the_cluster_is_listed_less_often(
    mongodb: object, tmp_path: Path
) -> None:
    # Given a cluster that was looked at a minute ago
    bench = Bench(
        tmp_path, EMR_EVENTS_URL="https://sqs.us-east-1.amazonaws.com/1/q", SWEEP_SECONDS="15"
    )
    bench.job("a", JobStatus.RUNNING, set__ring_at=now() + timedelta(hours=1))
    bench.swept_now()
    database()["leases"].update_one(
        {"_id": "j-MAIN"}, {"$set": {"swept_at": now() - timedelta(minutes=1)}}
    )
    assert bench.tick() == []
    # When a submission is in doubt
    Job.objects(id="a").update_one(set__status=JobStatus.CLAIMED)
    # Then no event says enough of it
    assert bench.tick() == [("reconcile", "j-MAIN")]


def test_jobs_that_ended_long_ago_are_forgotten(bench: Bench) -> None:
    # Given one that is done with, one whose end nobody has told, and one of today
    long_ago = now() - timedelta(days=91)
    for name in ("old", "untold", "young"):
        bench.job(name, JobStatus.SUCCEEDED, set__finished=long_ago, unset__ring_at=True)
    Job.objects(id="untold").update_one(set__ring_at=now())
    Job.objects(id="young").update_one(set__finished=now())
    # When
    assert forget_old_jobs(0) == 0
    assert forget_old_jobs(90) == 1
    # Then
    assert sorted(Job.objects().scalar("id")) == ["untold", "young"]
