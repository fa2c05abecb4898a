"""What becomes of a step that should not be there, or of which there are two."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tagfleet.models import jobs
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.states import JobStatus
from tagfleet.workers.engines.base import Deadline, StepSpec
from tagfleet.workers.steps import step_name

from .bench import Bench


def add_step(bench: Bench, name: str, script: str) -> str:
    """A step that comes to the cluster by another way than a pass."""
    [step_id] = bench.fleet.engine.submit(
        bench.fleet_engine, [StepSpec(name=name, jar="command-runner.jar", arguments=("bash", "-c", script))],
        Deadline.of(60),
    )  # fmt: skip
    return step_id


def doubt(bench: Bench, job_id: str) -> None:
    """Its submission seemed lost, long ago."""
    long_ago = now() - timedelta(minutes=5)
    Job.objects(id=job_id).update_one(
        set__status=JobStatus.CLAIMED, set__claimed=long_ago, set__epoch=1
    )


def test_a_submission_that_arrives_after_all_is_adopted_and_not_made_again(bench: Bench) -> None:
    # Given a submission that was given up as absent
    bench.job("other", "sleep 60")
    bench.job("late", "true")
    doubt(bench, "late")
    no_slots(bench)
    bench.pass_over()
    assert bench.status("late") is JobStatus.ACCEPTED
    # When it arrives after all, before another one is made
    step_id = add_step(bench, step_name(bench.read("late")), "true")
    bench.pass_over()
    # Then it is the job's
    bench.until_ended("late")
    assert bench.status("late") is JobStatus.SUCCEEDED
    assert bench.read("late").step_id == step_id
    assert bench.names().count("late.1") == 1
    kill(bench, "other")


def test_the_second_of_two_steps_that_stands_down_does_not_end_its_job(bench: Bench) -> None:
    # Given a job that was submitted again, and whose first step arrived too
    bench.job("a", "exit 5")
    doubt(bench, "a")
    bench.pass_over()
    assert bench.read("a").doubted_since is not None
    first = add_step(bench, step_name(bench.read("a")), "sleep 60")
    bench.emr.wait(bench.cluster, first, "RUNNING")
    # When the other one has ended
    second = str(bench.read("a").step_id)
    bench.emr.wait(bench.cluster, second, "FAILED")
    bench.pass_over()
    # Then the job runs as long as one of them does
    job = bench.read("a")
    assert job.status is JobStatus.RUNNING
    assert {str(job.step_id), *job.other_steps} == {first, second}
    # And a kill reaches both
    kill(bench, "a")
    assert bench.status("a") is JobStatus.KILLED


def test_a_step_that_arrives_for_a_job_that_was_killed_is_cancelled(bench: Bench) -> None:
    # Given a job that was killed before it was submitted
    bench.job("a")
    jobs.ask_to_kill("a", "typo")
    bench.pass_over()
    assert bench.status("a") is JobStatus.KILLED
    # When a submission of it arrives
    stray = add_step(bench, step_name(bench.read("a")), "sleep 60")
    bench.job("b", "sleep 60")
    bench.pass_over()
    bench.pass_over()
    # Then it does not run on
    bench.emr.wait(bench.cluster, stray, "CANCELLED")
    kill(bench, "b")


def test_a_step_that_nobody_knows_is_told_of_and_left_alone(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a step with a name like ours, and one that others have added
    orphan = add_step(bench, "ghost.1 report", "sleep 60")
    theirs = add_step(bench, "Install packages", "sleep 60")
    bench.job("a", "sleep 60")
    # When
    bench.pass_over()
    bench.pass_over()
    bench.pass_over()
    # Then
    told = [record for record in caplog.records if getattr(record, "action", "") == "orphan"]
    assert [orphan in record.getMessage() for record in told] == [True]
    cancel_all(bench, orphan, theirs)
    kill(bench, "a")


def no_slots(bench: Bench) -> None:
    """Let the cluster rest, so that the pass submits nothing."""
    object.__setattr__(bench.fleet.settings, "batch_seconds", 60.0)


def kill(bench: Bench, *job_ids: str) -> None:
    for job_id in job_ids:
        jobs.ask_to_kill(job_id, "the test is over")
    bench.until_ended(*job_ids)


def cancel_all(bench: Bench, *step_ids: str) -> None:
    call: Any = bench.emr.clients.emr().cancel_steps
    call(ClusterId=bench.cluster, StepIds=list(step_ids), StepCancellationOption="SEND_INTERRUPT")
