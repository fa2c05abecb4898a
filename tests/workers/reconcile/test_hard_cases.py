"""What happens between two looks, late, or never: no job may suffer from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models import jobs
from tagfleet.models import lease as leases
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.lifecycle import advance_all
from tagfleet.models.states import JobStatus
from tagfleet.workers import accept as accepting
from tagfleet.workers.accept import accept, take_on
from tagfleet.workers.clock import Clock
from tagfleet.workers.emr_events.judge import judge
from tagfleet.workers.emr_events.parse import StepEvent
from tagfleet.workers.engines.base import (
    ClusterFull,
    ClusterGone,
    StepReport,
    StepState,
    Unanswered,
)
from tagfleet.workers.reconcile import look, stop

from ...emr_fixtures import Emr
from ...models.samples import request_data
from ..samples import a_delivery
from .bench import Bench
from .test_doubles import doubt


def running(bench: Bench, job_id: str, script: str = "sleep 60", **changes: Any) -> None:
    """A job whose step runs."""
    bench.job(job_id, script, **changes)
    bench.pass_over()
    bench.emr.wait(bench.cluster, str(bench.read(job_id).step_id), "RUNNING")
    bench.pass_over()
    assert bench.status(job_id) is JobStatus.RUNNING


def end(bench: Bench, *job_ids: str) -> None:
    """End what still runs."""
    for job_id in job_ids:
        jobs.ask_to_kill(job_id, "the test is over")
    bench.until_ended(*job_ids)


def told_by(bench: Bench, monkeypatch: pytest.MonkeyPatch, change: Any, prefix: str = "a.") -> None:
    """Let the cluster tell something else of the steps with such a name."""
    real = bench.fleet.engine.reports

    def reports(engine: Any) -> Iterator[StepReport]:
        for report in real(engine):
            yield change(report) if report.name.startswith(prefix) else report

    monkeypatch.setattr(bench.fleet.engine, "reports", reports)


def test_a_message_that_comes_late_does_nothing_to_a_job_that_runs(bench: Bench) -> None:
    # Given a job that runs, whose time to wait would be over
    running(bench, "a", queueTimeout=60)
    Job.objects(id="a").update_one(set__queue_until=now() - timedelta(seconds=1))
    # When the message that once brought it forward comes again
    take_on(bench.fleet, ["a"])
    # Then
    assert bench.status("a") is JobStatus.RUNNING
    end(bench, "a")


def test_what_was_decided_for_one_attempt_does_not_touch_the_next(bench: Bench) -> None:
    # Given a worker that read an event of a job's first attempt, and was then stopped
    bench.job("a", idempotent=True)
    Job.objects(id="a").update_one(set__status=JobStatus.INIT, set__step_id="s-1")
    stale = bench.read("a")
    report = StepReport(
        step_id="s-1", name="a.1 x", state=StepState.RUNNING, created=now(), started=now()
    )
    move = judge(stale, StepEvent(str(stale.emr_cluster_id), report))
    # When it wakes up, and the job is at its second
    Job.objects(id="a").update_one(set__step_id="s-2", set__attempt=2)
    # Then
    assert advance_all([move], worker="late") == []  # type: ignore[list-item]
    assert bench.read("a").step_id == "s-2"
    assert bench.status("a") is JobStatus.INIT


def test_where_it_is_not_known_whether_a_cluster_has_ended_the_other_jobs_move(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an idempotent job that was cancelled, and a role that may not describe clusters
    for name in ("a", "b"):
        bench.job(name, "true", idempotent=name == "a")
    bench.pass_over()
    for name in ("a", "b"):
        bench.emr.wait(bench.cluster, str(bench.read(name).step_id), "COMPLETED")
    told_by(bench, monkeypatch, lambda report: replace(report, state=StepState.CANCELLED))

    def denied(_: Any) -> bool:
        raise Unanswered("DescribeCluster: AccessDeniedException")

    monkeypatch.setattr(bench.fleet.engine, "has_ended", denied)
    # When
    bench.pass_over()
    # Then
    assert bench.status("b") is JobStatus.SUCCEEDED
    assert not bench.status("a").is_terminal


def test_a_kill_that_is_written_while_a_job_is_routed_is_not_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision_of = accepting.decision_of

    def kill_first(*arguments: Any, **named: Any) -> Any:
        jobs.ask_to_kill("a", "typo")
        return decision_of(*arguments, **named)

    monkeypatch.setattr(accepting, "decision_of", kill_first)
    accept(bench.fleet, bench.bus, a_delivery(request_data(id="a", commandArgs=["true"])))
    # The clock rings for it at once
    job = bench.read("a")
    assert job.ring_at is not None
    assert job.ring_at <= now()
    take_on(bench.fleet, ["a"])
    assert bench.status("a") is JobStatus.KILLED


def test_a_killed_job_whose_step_emr_no_longer_shows_ends_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job whose step has left EMR's memory
    bench.job("a")
    bench.pass_over()
    bench.emr.wait(bench.cluster, str(bench.read("a").step_id), "COMPLETED")
    Job.objects(id="a").update_one(
        set__status=JobStatus.RUNNING, set__step_id="s-GONE0000000", set__started=now()
    )
    bench.pass_over()
    # Then that alone ends nothing, and it is not asked for at every look
    assert bench.status("a") is JobStatus.RUNNING
    assert bench.read("a").unseen_since is not None
    bench.emr.calls()
    bench.pass_over()
    assert bench.emr.calls() == {"ListSteps": 1}
    # When somebody kills it, and some minutes have passed
    jobs.ask_to_kill("a", "typo")
    Job.objects(id="a").update_one(set__unseen_since=now() - timedelta(minutes=11))
    bench.pass_over()
    # Then
    assert bench.status("a") is JobStatus.KILLED
    assert "no longer shows step s-GONE0000000" in bench.read("a").status_message


def test_applications_that_cannot_be_stopped_do_not_keep_a_killed_job_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job with an application that no resource manager knows
    bench.job("a", "exit 1")
    bench.pass_over()
    bench.emr.wait(bench.cluster, str(bench.read("a").step_id), "FAILED")
    told_by(
        bench, monkeypatch, lambda report: replace(report, application_ids=("application_1_0001",))
    )
    monkeypatch.setattr(stop, "GRACE", timedelta(0))
    # When
    jobs.ask_to_kill("a", "typo")
    bench.until_ended("a")
    # Then it was tried three times, and the job says what may still run
    tried = [step for step in bench.emr.steps(bench.cluster) if "stops the app" in step["Name"]]
    assert len(tried) == 3
    assert bench.status("a") is JobStatus.KILLED
    assert "YARN may still run application_1_0001" in bench.read("a").status_message


def test_an_id_that_comes_again_after_its_job_was_forgotten_is_never_taken_for_done(
    bench: Bench, tmp_path: Path
) -> None:
    # Given a job with a run script that failed, and was forgotten long after
    mark = tmp_path / "mark"
    script = f"echo ran >> {mark}; exit 5"
    bench.job("a", script, environment={"X": "1"})
    bench.until_ended("a")
    Job.objects(id="a").delete()
    # When its id comes again
    bench.job("a", script, environment={"X": "1"})
    bench.until_ended("a")
    # Then it does not run twice, and is not said to have succeeded
    assert mark.read_text().split() == ["ran"]
    assert bench.status("a") is JobStatus.FAILED


def test_a_job_in_doubt_does_not_leave_its_cluster_when_that_is_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job whose lost submission may have arrived
    bench.job("a")
    bench.job("again", idempotent=True)
    for name in ("a", "again"):
        doubt(bench, name)

    def gone(*_: Any) -> list[str]:
        raise ClusterGone("A job flow that is shutting down may not be modified.")

    monkeypatch.setattr(bench.fleet.engine, "submit", gone)
    # When it is to be submitted again, and the cluster takes no more steps
    bench.pass_over()
    # Then it does not run elsewhere as if it had never run
    assert bench.status("a") is JobStatus.FAILED
    assert "while a submission was in doubt" in bench.read("a").status_message
    assert (bench.status("again"), bench.read("again").attempt) == (JobStatus.RESERVED, 2)


def test_a_slow_stager_does_not_give_a_later_attempt_its_own_step(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_of = accepting.step_of

    def slow(staging: Any, job: Job, *rest: Any) -> Any:
        step = step_of(staging, job, *rest)
        if job.attempt == 1:
            # Another worker was faster, and the job has lost its cluster since.
            Job.objects(id="a").update_one(set__attempt=2)
        return step

    monkeypatch.setattr(accepting, "step_of", slow)
    accept(
        bench.fleet,
        bench.bus,
        a_delivery(request_data(id="a", commandArgs=["true"], environment={"X": "1"})),
    )
    assert bench.status("a") is JobStatus.RESOLVED
    take_on(bench.fleet, ["a"])
    job = bench.read("a")
    assert job.status is JobStatus.ACCEPTED
    assert job.step is not None
    assert "/a.2." in job.step.arguments[0]


def test_a_bad_step_is_found_even_where_the_quota_has_room_for_one_call_at_a_time(
    mongodb: object, emr: Emr, tmp_path: Path
) -> None:
    # Given a quota that is used up after a call or two
    quotas = "AddJobFlowSteps=3/5,ListSteps=1000/1000,all=1000/1000"
    bench = Bench(emr, tmp_path, EMR_QUOTAS=quotas, LOOK_AHEAD="20")
    for number in range(8):
        bench.job(f"job-{number}", "sleep 60" if number != 5 else "true")
    Job.objects(id="job-5").update_one(set__step__arguments=["bash", "-c", "x" * 11_000])
    # When
    for _ in range(200):
        bench.pass_over(sweep=False)
        if bench.status("job-5").is_terminal and len(bench.names()) == 7:
            break
    # Then it alone has failed, after a few calls
    assert bench.status("job-5") is JobStatus.FAILED
    assert len(bench.names()) == 7
    assert bench.emr.calls()["AddJobFlowSteps"] <= 12
    end(bench, *(f"job-{number}" for number in range(8) if number != 5))


def test_a_cluster_that_has_steps_of_others_is_given_what_fits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        bench.job(f"job-{number}", "sleep 60")
    submit = bench.fleet.engine.submit

    def full(engine: Any, steps: Any, deadline: Any) -> list[str]:
        if len(steps) > 3:
            raise ClusterFull("Maximum number of active steps for cluster exceeded.")
        return submit(engine, steps, deadline)

    monkeypatch.setattr(bench.fleet.engine, "submit", full)
    bench.pass_over(sweep=False)
    assert len(bench.names()) >= 3
    end(bench, *(f"job-{number}" for number in range(6)))


def test_a_change_of_the_catalog_during_a_pass_is_not_forgotten(bench: Bench) -> None:
    # Given a full cluster, and a job that waits there
    for number in range(13):
        bench.job(f"job-{number:02}", "sleep 60")
    bench.pass_over()
    clock = Clock(bench.fleet)
    clock.tick()
    # When it is drained while a pass is under way
    bench.register(status="OUT_OF_SERVICE")
    lease = leases.acquire(bench.cluster, "w", 60)
    assert lease
    bench.bus.rung.clear()
    clock.tick()
    assert bench.bus.rung == []
    lease.release(swept_at=now() + timedelta(hours=1))
    # Then the clock rings when that is over
    clock.tick()
    assert bench.bus.rung == [("reconcile", bench.cluster)]
    end(bench, *(f"job-{number:02}" for number in range(13)))


def test_what_a_newer_version_writes_does_not_stop_this_one(bench: Bench) -> None:
    bench.job("a")
    Job._get_collection().update_one(
        {"_id": "a"}, {"$set": {"of_the_next_version": 1, "engine.of_the_next_version": 1}}
    )
    bench.until_ended("a")
    assert bench.status("a") is JobStatus.SUCCEEDED


def test_a_time_out_that_was_seen_too_late_does_not_kill_the_next_attempt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(bench, "a", idempotent=True)
    Job.objects(id="a").update_one(set__started=now() - timedelta(seconds=100), set__timeout=60)
    out_of_time = stop._out_of_time

    def meanwhile(job: Job, moment: Any) -> Any:
        Job.objects(id="a").update_one(set__attempt=2)
        return out_of_time(job, moment)

    monkeypatch.setattr(stop, "_out_of_time", meanwhile)
    bench.pass_over(sweep=False)
    assert bench.read("a").kill is None
    monkeypatch.undo()
    Job.objects(id="a").update_one(set__attempt=1)
    end(bench, "a")


def test_an_old_step_among_many_new_ones_is_asked_for_by_its_id(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job whose step lies behind two pages of newer ones
    running(bench, "a")
    monkeypatch.setattr(look, "PAGE", 5)
    emr = bench.emr.clients.emr()
    step: Any = {
        "Name": "theirs",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["true"]},
    }
    emr.add_job_flow_steps(JobFlowId=bench.cluster, Steps=[step] * 120)
    bench.emr.calls()
    # When
    bench.pass_over()
    # Then one page and one question did
    assert bench.emr.calls()["ListSteps"] == 2
    end(bench, "a")
