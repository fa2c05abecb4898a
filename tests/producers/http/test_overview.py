"""The fleet at a glance."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tagfleet.models import catalog, jobs, lease
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.states import ClusterStatus, JobStatus
from tagfleet.producers.http.overview import Health, Waiting, fleet_overview

from ...models.samples import a_cluster, a_request


@pytest.fixture(autouse=True)
def only_cluster(mongodb: Any) -> None:
    """The catalog's only entry."""
    catalog.apply([a_cluster(id="main")])


def test_an_empty_fleet_has_its_cluster_and_nothing_else() -> None:
    """Given no job and no worker / then nobody leads, nothing waits, and the cluster is well."""
    # when
    found = fleet_overview()

    # then
    assert found.leader is None
    assert found.waiting == ()
    assert set(found.by_status().values()) == {0}
    (cluster,) = found.clusters
    assert (cluster.id, cluster.open_jobs, cluster.health) == ("main", 0, Health.OK)


def test_jobs_are_counted_by_state_and_tag_group() -> None:
    """Given jobs of two groups / then each is counted once, where it is."""
    # given
    a_job("a", JobStatus.RUNNING)
    a_job("b", JobStatus.RUNNING)
    a_job("c", JobStatus.RESERVED, tag_group="etl")

    # when
    found = fleet_overview()

    # then
    assert found.by_tag_group() == {
        "default": {JobStatus.RUNNING: 2},
        "etl": {JobStatus.RESERVED: 1},
    }
    assert found.by_status()[JobStatus.RUNNING] == 2


def test_a_job_that_ended_is_counted_for_a_day() -> None:
    """Given one that ended an hour ago, and one two days ago / then only the first is counted."""
    # given
    a_job("a", JobStatus.FAILED, finished=now() - timedelta(hours=1))
    a_job("b", JobStatus.FAILED, finished=now() - timedelta(days=2))

    # then
    assert fleet_overview().by_status()[JobStatus.FAILED] == 1


def test_a_cluster_shows_the_slots_that_jobs_hold_and_those_that_wait_there() -> None:
    """Given jobs in every state that a cluster knows / then those that EMR has, or may have, hold slots."""
    # given
    for number, status in enumerate(
        (JobStatus.ACCEPTED, JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING)
    ):
        a_job(f"job-{number}", status, emr_cluster_id=emr_id(), cluster_id="main")

    # when
    (cluster,) = fleet_overview().clusters

    # then
    assert (cluster.slots_used, cluster.waiting, cluster.open_jobs) == (3, 1, 4)


def test_what_waits_says_why() -> None:
    """Given jobs that wait for different things / then each thing is there with its count, most jobs first."""
    # given
    a_job("a", JobStatus.RESERVED, queue_reason="No cluster is UP.")
    a_job("b", JobStatus.RESERVED, queue_reason="No cluster is UP.")
    a_job("c", JobStatus.ACCEPTED, emr_cluster_id=emr_id(), cluster_id="main")
    held = lease.acquire(emr_id(), "worker-1", 60)
    assert held
    held.release(note="all 2 slots are taken")

    # when
    found = fleet_overview().waiting

    # then
    assert [told(each) for each in found] == [
        (2, "No cluster is UP."),
        (1, "Waits for cluster main: all 2 slots are taken."),
    ]


def test_a_cluster_that_nobody_looks_at_is_told_apart() -> None:
    """Given a job on a cluster that no worker has looked at / then it is not called well."""
    # given
    a_job("a", JobStatus.RUNNING, emr_cluster_id=emr_id(), cluster_id="main")

    # then
    assert fleet_overview().clusters[0].health is Health.UNSEEN


def test_a_cluster_that_takes_no_steps_for_now_rests() -> None:
    """Given a cluster that was left alone for a minute / then it rests."""
    # given
    held = lease.acquire(emr_id(), "worker-1", 60)
    assert held
    held.release(rest_until=now() + timedelta(minutes=1))

    # then
    assert fleet_overview().clusters[0].health is Health.RESTING


def test_a_terminated_cluster_is_gone() -> None:
    """Given a cluster that was terminated / then it is gone."""
    # given
    catalog.set_cluster_status("main", ClusterStatus.TERMINATED)

    # then
    assert fleet_overview().clusters[0].health is Health.GONE


def test_the_leader_is_named_while_it_leads() -> None:
    """Given a worker that holds the clock's lease / then it is named; not after it gave it back."""
    # given
    held = lease.acquire(lease.CLOCK, "worker-7", 60)
    assert held

    # then
    assert fleet_overview().leader == "worker-7"
    held.release()
    assert fleet_overview().leader is None


def a_job(job_id: str, status: JobStatus, *, tag_group: str = "default", **parts: Any) -> None:
    """A job that is where it is, however it came there."""
    jobs.record(
        a_request(id=job_id), tag_group, worker="the test", ring_at=now(), queue_seconds=3600
    )
    Job._get_collection().update_one({"_id": job_id}, {"$set": {"status": str(status), **parts}})


def emr_id() -> str:
    """EMR's id of the cluster."""
    engine = a_cluster().engine
    assert engine
    return engine.cluster_id


def told(waiting: Waiting) -> tuple[int, str]:
    """How many wait, and why."""
    return waiting.jobs, waiting.reason
