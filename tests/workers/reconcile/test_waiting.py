"""Jobs that wait: in which order, for what, how long, and where else they may go."""

from __future__ import annotations

from datetime import timedelta

from tagfleet.models import jobs
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.states import JobStatus
from tagfleet.models.waiting import queues_of
from tagfleet.workers.accept import accept, take_on

from ...models.samples import request_data
from ..samples import a_delivery
from .bench import Bench


def queue_of(bench: Bench, job_id: str) -> dict[str, object] | None:
    return queues_of([bench.read(job_id)]).get(job_id)


def test_a_job_that_waits_for_a_slot_shows_its_place_and_why(bench: Bench) -> None:
    # Given a cluster of two slots and a look-ahead of 10, and more jobs than that
    for number in range(14):
        bench.job(f"job-{number:02}", "sleep 60")
    # When a pass has given out the slots
    bench.pass_over()
    # Then the others know their place
    assert queue_of(bench, "job-11") is None
    assert queue_of(bench, "job-12") == {
        "position": 1,
        "reason": "Waits for cluster main: 12 of its 12 slots are taken.",
    }
    found = queue_of(bench, "job-13")
    assert found is not None
    assert found["position"] == 2
    kill_all(bench)


def test_slots_are_shared_fairly_between_users(bench: Bench) -> None:
    # Given a user with many jobs, and another who comes later with one
    for number in range(14):
        bench.job(f"ana-{number:02}", "sleep 60", user="ana")
    bench.job("ben", "sleep 60", user="ben")
    # When
    bench.pass_over()
    # Then the other has got a slot
    assert bench.status("ben") is JobStatus.INIT
    kill_all(bench)


def test_a_job_without_a_cluster_that_is_up_waits_for_one_that_is_drained(bench: Bench) -> None:
    # Given
    bench.register(status="OUT_OF_SERVICE")
    accept(bench.fleet, bench.bus, a_delivery(request_data(id="a", commandArgs=["true"])))
    # Then it waits, and says for what
    assert bench.status("a") is JobStatus.RESERVED
    assert queue_of(bench, "a") == {
        "position": 1,
        "reason": "No cluster that the job may run on is UP; waits for main (OUT_OF_SERVICE).",
    }
    # When the cluster is back
    bench.register(status="UP")
    refresh(bench)
    take_on(bench.fleet, ["a"])
    # Then it goes on by itself
    bench.until_ended("a")
    assert bench.status("a") is JobStatus.SUCCEEDED
    assert bench.read("a").queue_reason is None


def test_a_job_waits_for_the_successor_of_a_cluster_that_ended_lately(bench: Bench) -> None:
    bench.register(status="TERMINATED")
    accept(bench.fleet, bench.bus, a_delivery(request_data(id="a")))
    assert bench.status("a") is JobStatus.RESERVED


def test_a_job_that_waited_too_long_for_a_cluster_fails_and_says_so(bench: Bench) -> None:
    bench.register(status="OUT_OF_SERVICE")
    accept(bench.fleet, bench.bus, a_delivery(request_data(id="a", queueTimeout=60)))
    Job.objects(id="a").update_one(set__queue_until=now() - timedelta(seconds=1))
    take_on(bench.fleet, ["a"])
    assert bench.status("a") is JobStatus.FAILED
    assert "Waited 60 s" in bench.read("a").status_message
    assert "main (OUT_OF_SERVICE)" in bench.read("a").status_message


def test_a_job_that_waited_too_long_for_a_slot_fails_and_says_so(bench: Bench) -> None:
    bench.job("a", queueTimeout=60)
    Job.objects(id="a").update_one(set__queue_until=now() - timedelta(seconds=1))
    bench.pass_over()
    assert bench.status("a") is JobStatus.FAILED
    assert "Waited 60 s for a slot on cluster 'main'" in bench.read("a").status_message
    assert bench.names() == []


def test_a_step_that_waited_too_long_on_its_cluster_is_cancelled(bench: Bench) -> None:
    # Given two jobs that run, and one whose step waits behind them
    for name in ("a", "b"):
        bench.job(name, "sleep 60")
    bench.pass_over()
    for name in ("a", "b"):
        bench.emr.wait(bench.cluster, str(bench.read(name).step_id), "RUNNING")
    bench.job("c", "true", queueTimeout=60)
    bench.pass_over()
    Job.objects(id="c").update_one(set__queue_until=now() - timedelta(seconds=1))
    # When
    bench.until_ended("c")
    # Then
    assert bench.status("c") is JobStatus.KILLED
    assert "waited longer than 60 s and has not started" in bench.read("c").status_message
    kill_all(bench)


def test_what_waits_for_a_drained_cluster_is_routed_anew_and_what_runs_goes_on(
    bench: Bench,
) -> None:
    # Given a job that runs, and one that waits
    bench.job("runs", "sleep 60")
    bench.pass_over()
    bench.emr.wait(bench.cluster, str(bench.read("runs").step_id), "RUNNING")
    bench.job("waits")
    # When the cluster is drained
    bench.register(status="OUT_OF_SERVICE")
    refresh(bench)
    bench.pass_over()
    # Then
    assert bench.status("runs") is JobStatus.RUNNING
    waits = bench.read("waits")
    assert waits.status is JobStatus.RESERVED
    assert waits.status_message == "Cluster 'main' is OUT_OF_SERVICE; routed anew."
    assert waits.ring_at is not None
    # When another cluster has taken its place
    old, new = bench.cluster, bench.emr.cluster()
    bench.register(cluster=new)
    refresh(bench)
    take_on(bench.fleet, ["waits"])
    bench.cluster = new
    bench.until_ended("waits")
    # Then it ran there, in its first attempt
    assert bench.names() == ["waits.1"]
    bench.cluster = old
    kill_all(bench)


def test_a_request_that_asks_for_a_drained_cluster_stays_there(bench: Bench) -> None:
    bench.register(status="OUT_OF_SERVICE")
    drained = [{"tags": ["type:yarn"], "status": "OUT_OF_SERVICE"}]
    bench.job("a", clusterCriterias=drained)
    bench.until_ended("a")
    assert bench.status("a") is JobStatus.SUCCEEDED


def test_a_cluster_that_is_gone_gets_no_more_jobs_and_they_go_elsewhere(bench: Bench) -> None:
    # Given a cluster that ended behind our back
    bench.job("a")
    bench.emr.clients.emr().terminate_job_flows(JobFlowIds=[bench.cluster])
    # When a job is to be submitted
    bench.pass_over()
    # Then the cluster is out of the routing
    job = bench.read("a")
    assert job.status is JobStatus.RESERVED
    assert "takes no more steps" in job.status_message
    refresh(bench)
    take_on(bench.fleet, ["a"])
    found = queue_of(bench, "a")
    assert found is not None
    assert "main (TERMINATED)" in str(found["reason"])
    # When another one takes its place
    bench.cluster = bench.emr.cluster()
    bench.register()
    refresh(bench)
    take_on(bench.fleet, ["a"])
    bench.until_ended("a")
    # Then it runs there, as its first attempt: it never ran before
    assert bench.status("a") is JobStatus.SUCCEEDED
    assert bench.names() == ["a.1"]


def test_an_idempotent_job_whose_cluster_is_lost_runs_again_elsewhere(bench: Bench) -> None:
    # Given two jobs that run on a cluster that ends
    bench.job("again", "sleep 60", idempotent=True)
    bench.job("once", "sleep 60")
    bench.pass_over()
    for name in ("again", "once"):
        bench.emr.wait(bench.cluster, str(bench.read(name).step_id), "RUNNING")
    lost = str(bench.read("again").step_id)
    bench.emr.clients.emr().terminate_job_flows(JobFlowIds=[bench.cluster])
    # When
    bench.until_ended("once")
    # Then the one that does not say that it may run again has failed, the other is routed anew
    assert bench.status("once") is JobStatus.FAILED
    again = bench.read("again")
    assert (again.status, again.attempt) == (JobStatus.RESERVED, 2)
    assert [(each.number, each.step_id) for each in again.attempts] == [(1, lost)]
    # When there is another cluster
    Job.objects(id="again").update_one(set__request_json=again.request_json.replace("60", "0"))
    bench.cluster = bench.emr.cluster()
    bench.register()
    refresh(bench)
    take_on(bench.fleet, ["again"])
    bench.until_ended("again")
    # Then
    assert bench.status("again") is JobStatus.SUCCEEDED
    assert bench.names() == ["again.2"]


def refresh(bench: Bench) -> None:
    """Let the fleet read the catalog now, not within a second."""
    bench.fleet.catalog._looked = 0.0


def kill_all(bench: Bench) -> None:
    """End what still runs."""
    left = [job.id for job in Job.objects() if not job.status.is_terminal]
    for job_id in left:
        jobs.ask_to_kill(job_id, "the test is over")
    bench.until_ended(*left)
