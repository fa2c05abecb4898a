"""How a job is ended on its cluster: politely, then for good, then what it left behind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models import jobs
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.states import JobStatus
from tagfleet.workers.reconcile import stop

from .bench import Bench


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted step is killed at the next look."""
    monkeypatch.setattr(stop, "GRACE", timedelta(seconds=0))


def running(bench: Bench, script: str) -> None:
    """A job `a` whose step runs."""
    bench.job("a", script)
    bench.pass_over()
    bench.emr.wait(bench.cluster, str(bench.read("a").step_id), "RUNNING")
    bench.pass_over()


def test_a_job_is_not_killed_before_its_step_has_ended(bench: Bench) -> None:
    # Given a step that takes no notice of an interrupt
    running(bench, "trap '' TERM; while :; do sleep 1; done")
    # When its end is asked for
    jobs.ask_to_kill("a", "typo")
    bench.pass_over()
    bench.pass_over()
    # Then nobody is told that it is killed
    job = bench.read("a")
    assert job.status is JobStatus.RUNNING
    assert job.kill is not None
    assert job.kill.sent is not None
    assert not job.kill.hard
    # And the clock rings when its grace is over
    assert job.ring_at == job.kill.sent + stop.GRACE
    end(bench)


@pytest.mark.usefixtures("impatient")
def test_a_step_that_ignores_an_interrupt_is_killed(bench: Bench) -> None:
    running(bench, "trap '' TERM; while :; do sleep 1; done")
    jobs.ask_to_kill("a", "typo")
    bench.until_ended("a")
    job = bench.read("a")
    assert job.status is JobStatus.KILLED
    assert job.status_message == "Killed: typo"
    assert job.kill is not None
    assert job.kill.hard


def test_a_job_that_runs_longer_than_its_timeout_is_killed_and_says_so(bench: Bench) -> None:
    running(bench, "sleep 60")
    Job.objects(id="a").update_one(set__started=now() - timedelta(seconds=90), set__timeout=60)
    bench.until_ended("a")
    assert bench.status("a") is JobStatus.KILLED
    assert bench.read("a").status_message == "Killed: ran longer than its timeout of 60 s"


def end(bench: Bench) -> None:
    """Kill it at once, and wait for it."""
    Job.objects(id="a").update_one(set__kill__sent=now() - timedelta(hours=1))
    bench.until_ended("a")


def test_a_kill_that_is_written_while_a_pass_is_under_way_is_not_overtaken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a pass that has read its jobs
    bench.job("a")
    steps_of = jobs.steps_of

    def kill_first(job_ids: Any) -> Any:
        jobs.ask_to_kill("a", "typo")
        return steps_of(job_ids)

    # When a kill is written before the job is claimed
    monkeypatch.setattr(jobs, "steps_of", kill_first)
    bench.pass_over()
    # Then it is not submitted
    assert bench.status("a") is JobStatus.ACCEPTED
    assert bench.names() == []
    bench.until_ended("a")
    assert bench.status("a") is JobStatus.KILLED


@pytest.mark.usefixtures("impatient")
def test_a_killed_step_takes_its_yarn_applications_with_it(bench: Bench, tmp_path: Path) -> None:
    # Given a step whose work is done by a YARN application, which outlives it
    mark = tmp_path / "mark"
    shell = f"echo $$ > {mark}; sleep 600 & wait"
    running(bench, f'exec yarn jar distributedshell.jar -shell_command "{shell}"')
    while not (mark.exists() and mark.read_text().endswith("\n")):
        bench.emr.ask("GET", "health")
    # When
    jobs.ask_to_kill("a", "typo")
    step = str(bench.read("a").step_id)
    bench.pass_over()
    bench.emr.wait(bench.cluster, step, "CANCELLED")
    bench.pass_over()
    # Then the job is not killed yet: its application runs
    assert bench.status("a") is JobStatus.RUNNING
    # Until a step has stopped that one too
    bench.until_ended("a")
    assert bench.status("a") is JobStatus.KILLED
    [kill_step] = [
        each for each in bench.emr.steps(bench.cluster) if "stops the app" in each["Name"]
    ]
    assert kill_step["Status"]["State"] == "COMPLETED"
    [application] = bench.emr.steps(bench.cluster)[0]["AdditionalInfo"][
        "ResourceManagerApplicationIds"
    ]
    assert application in kill_step["Config"]["Args"][-1]
