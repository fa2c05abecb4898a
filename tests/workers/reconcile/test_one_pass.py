"""A pass over one cluster, against an EMR that really has the steps."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tagfleet.models import jobs
from tagfleet.models import lease as leases
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.states import JobStatus
from tagfleet.workers.finish import finish

from ...emr_fixtures import Emr
from .bench import Bench


def test_all_jobs_of_a_pass_are_submitted_by_one_call(bench: Bench) -> None:
    # Given
    for number in range(5):
        bench.job(f"job-{number}")
    # When
    bench.pass_over()
    # Then
    assert bench.emr.calls() == {"AddJobFlowSteps": 1}
    assert bench.names() == [f"job-{number}.1" for number in range(5)]
    assert {bench.status(f"job-{number}") for number in range(5)} == {JobStatus.INIT}


def test_jobs_are_followed_to_their_ends_by_one_sweep_for_all(bench: Bench) -> None:
    bench.job("good", "echo fine")
    bench.job("bad", "exit 3")
    bench.until_ended("good", "bad")
    assert (bench.status("good"), bench.status("bad")) == (JobStatus.SUCCEEDED, JobStatus.FAILED)
    good = jobs.get("good")
    assert good.started
    assert good.exit_code == 0
    assert sorted(id for ring in bench.bus.rung for id in ring[1]) == ["bad", "good"]


def test_a_cluster_is_given_as_many_steps_as_it_has_slots_the_most_urgent_first(
    mongodb: object, emr: Emr, tmp_path: Path
) -> None:
    # Given two slots and a look-ahead of one, and five jobs
    bench = Bench(emr, tmp_path, LOOK_AHEAD="1")
    for number in range(5):
        bench.job(f"job-{number}", "sleep 60", priority=number)
    # When
    bench.pass_over()
    bench.pass_over()
    # Then
    assert bench.names() == ["job-4.1", "job-3.1", "job-2.1"]
    for number in range(5):
        jobs.ask_to_kill(f"job-{number}", "the test is over")
    bench.until_ended(*(f"job-{number}" for number in range(5)))


def test_a_lost_answer_is_made_up_for_by_name_and_nothing_is_submitted_twice(bench: Bench) -> None:
    # Given a submission whose answer is lost after EMR did the work
    bench.job("a")
    bench.job("b")
    bench.emr.fault("AddJobFlowSteps", "drop")
    bench.pass_over()
    assert bench.status("a") is JobStatus.CLAIMED
    # When the next pass looks
    bench.pass_over()
    # Then both steps are adopted
    assert bench.status("a") is not JobStatus.CLAIMED
    bench.until_ended("a", "b")
    assert bench.names() == ["a.1", "b.1"]


def test_what_is_provably_absent_waits_for_a_slot_again(bench: Bench) -> None:
    # Given a worker that died between its claim and its call, long ago
    bench.job("a")
    long_ago = now() - timedelta(hours=1)
    Job.objects(id="a").update_one(
        set__status=JobStatus.CLAIMED, set__claimed=long_ago, set__epoch=1
    )
    # When
    bench.pass_over()
    # Then it is submitted, once
    bench.until_ended("a")
    assert bench.names() == ["a.1"]


def test_a_submission_that_may_still_be_under_way_is_left_in_doubt(bench: Bench) -> None:
    bench.job("a")
    Job.objects(id="a").update_one(set__status=JobStatus.CLAIMED, set__claimed=now(), set__epoch=1)
    bench.pass_over()
    assert bench.status("a") is JobStatus.CLAIMED
    assert bench.names() == []


def test_a_throttle_is_a_delay_and_no_failure(bench: Bench) -> None:
    bench.job("a")
    bench.emr.fault("AddJobFlowSteps", "throttle")
    bench.pass_over()
    assert bench.status("a") is JobStatus.ACCEPTED
    bench.until_ended("a")
    assert bench.names() == ["a.1"]
    assert jobs.get("a").attempt == 1


def test_one_bad_step_does_not_stop_the_others_of_its_batch(bench: Bench) -> None:
    # Given a step that EMR refuses
    for number in range(4):
        bench.job(f"job-{number}")
    Job.objects(id="job-2").update_one(set__step__arguments=["bash", "-c", "x" * 11_000])
    # When
    bench.pass_over()
    # Then it alone fails, with EMR's words
    assert "10240 characters" in jobs.get("job-2").status_message
    assert bench.names() == ["job-0.1", "job-1.1", "job-3.1"]


def test_an_error_of_observing_is_no_state_of_the_job(bench: Bench) -> None:
    bench.job("a", "sleep 60")
    bench.pass_over()
    before = bench.status("a")
    bench.emr.fault("ListSteps", "throttle", count=50)
    bench.pass_over()
    assert bench.status("a") is before
    bench.emr.fault("ListSteps", "throttle", count=0)
    jobs.ask_to_kill("a", "the test is over")
    bench.until_ended("a")


def test_a_step_that_somebody_else_cancelled_is_a_failure(bench: Bench) -> None:
    bench.job("a", "sleep 60")
    bench.pass_over()
    step = str(jobs.get("a").step_id)
    bench.emr.clients.emr().cancel_steps(ClusterId=bench.cluster, StepIds=[step])
    bench.until_ended("a")
    assert bench.status("a") is JobStatus.FAILED


def test_a_queued_job_is_killed_without_a_call(bench: Bench) -> None:
    bench.job("a")
    jobs.ask_to_kill("a", "typo")
    bench.pass_over()
    assert bench.status("a") is JobStatus.KILLED
    assert bench.emr.calls() == {}


def test_a_kill_wins_over_exit_code_0(bench: Bench) -> None:
    bench.job("a", "trap 'exit 0' TERM; sleep 60 & wait")
    bench.pass_over()
    bench.emr.wait(bench.cluster, str(jobs.get("a").step_id), "RUNNING")
    jobs.ask_to_kill("a", "typo")
    bench.until_ended("a")
    assert bench.status("a") is JobStatus.KILLED


def test_a_pass_under_another_workers_lease_does_nothing(bench: Bench) -> None:
    bench.job("a")
    held = leases.acquire(bench.cluster, "another", 60)
    assert held
    bench.pass_over(sweep=False)
    assert bench.status("a") is JobStatus.ACCEPTED
    held.release()


def test_the_logs_of_an_ended_job_are_archived_and_its_failure_is_explained(
    bench: Bench, tmp_path: Path
) -> None:
    bench.job("a", "echo out; echo 'ValueError: no such day' >&2; exit 4")
    bench.until_ended("a")
    finish(bench.fleet, ["a"])
    job = jobs.get("a")
    assert (job.archive_status, job.exit_code, job.ring_at) == ("ARCHIVED", 4, None)
    assert job.diagnosis is not None
    assert "ValueError: no such day" in job.diagnosis.stderr_tail
    assert (tmp_path / "archive" / "a" / "stdout.gz").exists()
    assert [
        event.body["type"]
        for event in bench.bus.events
        if event.routing_key.startswith("job.FAILED")
    ] == ["JOB_FINISHED"]


def test_finishing_twice_changes_nothing(bench: Bench) -> None:
    bench.job("a")
    bench.until_ended("a")
    finish(bench.fleet, ["a"])
    events = len(bench.bus.events)
    finish(bench.fleet, ["a"])
    assert len(bench.bus.events) == events


def test_a_look_that_got_no_answer_is_made_again_soon_even_where_events_tell_of_steps(
    mongodb: object, emr: Emr, tmp_path: Path
) -> None:
    # Given a cluster that is listed every quarter of an hour only
    bench = Bench(
        emr, tmp_path, EMR_EVENTS_URL="https://sqs.us-east-1.amazonaws.com/1/q", SWEEP_SECONDS="15"
    )
    bench.job("a", "sleep 60")
    bench.pass_over()
    # When a look at it gets no answer
    emr.fault("ListSteps", "error500", count=10)
    bench.pass_over()
    emr.fault("ListSteps", "error500", count=0)
    # Then the next one comes after the short pause
    lease = leases.look([bench.cluster])[bench.cluster]
    assert lease.swept_at is not None
    due = lease.swept_at + timedelta(seconds=bench.fleet.settings.pause_between_sweeps)
    assert due - now() <= timedelta(seconds=15)
    jobs.ask_to_kill("a", "the test is over")
    bench.until_ended("a")
