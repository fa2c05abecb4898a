"""Limits: who is let in, who starts, who waits for what, and how long."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tagfleet.models import jobs, rule_sets
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.lifecycle import listen
from tagfleet.models.states import JobStatus
from tagfleet.models.waiting import queues_of
from tagfleet.routing_rules.in_force import digest_of
from tagfleet.workers import limits
from tagfleet.workers.accept import accept, take_on
from tagfleet.workers.clock import Clock

from ...models.samples import request_data
from ..samples import a_delivery
from .bench import Bench

PLAIN = "version: 1\nqueues: {etl: }\nroutes: [{name: all, queue: etl}]\n"


@pytest.fixture(autouse=True)
def _places_are_freed() -> None:
    listen(limits.release)


def rule(bench: Bench, more: str) -> None:
    """Put rules in force; the worker sees them at once."""
    texts = {"rules.yaml": (PLAIN + more).encode()}
    before = rule_sets.version_in_force()
    rule_sets.put_in_force(texts, digest_of(texts), applied_by="ops", note=None, replaces=before)
    bench.fleet.rules._looked = float("-inf")


def ask(bench: Bench, job_id: str, script: str = "sleep 60", **changes: object) -> JobStatus:
    data = request_data(id=job_id, commandArgs=[script], **changes)
    accept(bench.fleet, bench.bus, a_delivery(data))
    return bench.status(job_id)


def why(bench: Bench, job_id: str) -> object:
    return queues_of([bench.read(job_id)]).get(job_id)


def ring(bench: Bench) -> None:
    """What the clock's next ticks bring about."""
    bench.bus.rung.clear()
    Clock(bench.fleet).tick()
    for actor, argument in bench.bus.rung:
        if actor == "take_on":
            take_on(bench.fleet, argument)


def end(bench: Bench, *job_ids: str) -> None:
    for job_id in job_ids:
        jobs.ask_to_kill(job_id, "enough")
    bench.until_ended(*job_ids)


def test_no_more_jobs_of_a_user_run_than_the_limit_says(bench: Bench) -> None:
    # Given
    rule(bench, "limits: [{name: two, per: user, running: 2}]")
    for job_id in ("a", "b", "c"):
        bench.job(job_id, "sleep 60", user="ana")
    bench.job("d", "sleep 60", user="bo")
    # When
    bench.pass_over()
    # Then the third waits, says why, and stops nobody behind it
    assert bench.names() == ["a.1", "d.1", "b.1"]
    reason = "The limit two leaves no room: user 'ana' has 2 running jobs of 2."
    assert why(bench, "c") == {"position": 1, "reason": reason}
    # And when one of them has ended, it starts by itself
    end(bench, "a")
    bench.pass_over()
    assert bench.status("c") is JobStatus.INIT
    assert bench.read("c").held_by is None
    end(bench, "b", "c", "d")


def test_a_limit_that_is_raised_or_taken_away_lets_go(bench: Bench) -> None:
    rule(bench, "limits: [{name: one, per: global, running: 1}]")
    for job_id in ("a", "b", "c"):
        bench.job(job_id, "sleep 60")
    bench.pass_over()
    assert bench.names() == ["a.1"]
    rule(bench, "limits: [{name: one, per: global, running: 2}]")
    bench.pass_over()
    assert bench.names() == ["a.1", "b.1"]
    rule(bench, "")
    bench.pass_over()
    assert bench.names() == ["a.1", "b.1", "c.1"]
    end(bench, "a", "b", "c")


def test_too_many_running_jobs_may_be_refused_instead(bench: Bench) -> None:
    rule(bench, "limits: [{name: one, per: user, running: 1, on_exceed: reject}]")
    assert ask(bench, "a") is JobStatus.ACCEPTED
    assert ask(bench, "b") is JobStatus.INVALID
    job = bench.read("b")
    assert job.failure == "The limit one leaves no room: user 'ana' has 1 running jobs of 1."
    assert job.rules == ["all", "one"]
    end(bench, "a")
    assert ask(bench, "c") is JobStatus.ACCEPTED
    end(bench, "c")


def test_who_has_too_many_in_the_queue_is_held_and_let_in_in_order(bench: Bench) -> None:
    # Given one job in the queue, and two that are held
    rule(bench, "limits: [{name: few, per: user, queued: 1}]")
    assert ask(bench, "a", "true") is JobStatus.ACCEPTED
    assert ask(bench, "b", "true") is JobStatus.RESERVED
    assert ask(bench, "c", "true", priority=9) is JobStatus.RESERVED
    reason = "The limit few leaves no room: user 'ana' has 1 queued jobs of 1."
    assert why(bench, "c") == {"position": 1, "reason": reason}
    assert why(bench, "b") == {"position": 2, "reason": reason}
    # When there is no room yet, nothing changes
    ring(bench)
    assert bench.status("c") is JobStatus.RESERVED
    # When the first has gone to its cluster
    bench.pass_over()
    # Then nobody who comes now goes before them
    assert ask(bench, "d", "true") is JobStatus.RESERVED
    ring(bench)
    assert [bench.status(job_id) for job_id in ("c", "b", "d")] == [
        JobStatus.ACCEPTED,
        JobStatus.RESERVED,
        JobStatus.RESERVED,
    ]
    for _ in "bd":
        bench.pass_over()
        ring(bench)
    bench.until_ended("a", "b", "c", "d")


def test_a_rate_lets_in_so_many_in_its_period(bench: Bench) -> None:
    rule(bench, "limits: [{name: slow, per: tenant, rate: 2/h}]")
    assert ask(bench, "a", "true", group="etl") is JobStatus.ACCEPTED
    assert ask(bench, "b", "true", group="etl") is JobStatus.ACCEPTED
    assert ask(bench, "c", "true", group="etl") is JobStatus.RESERVED
    assert ask(bench, "d", "true", group="ml") is JobStatus.ACCEPTED
    assert "tenant 'etl' sent 2 requests of 2/h" in str(why(bench, "c"))
    bench.until_ended("a", "b", "d")
    ring(bench)
    assert bench.status("c") is JobStatus.RESERVED
    end(bench)
    jobs.ask_to_kill("c", "enough")
    take_on(bench.fleet, ["c"])
    assert bench.status("c") is JobStatus.KILLED


def test_a_held_job_does_not_wait_for_ever(bench: Bench) -> None:
    rule(bench, "limits: [{name: one, per: global, queued: 1}]")
    assert ask(bench, "first") is JobStatus.ACCEPTED
    assert ask(bench, "a", queueTimeout=5) is JobStatus.RESERVED
    Job.objects(id="a").update_one(set__queue_until=now() - timedelta(seconds=1))
    take_on(bench.fleet, ["a"])
    assert bench.status("a") is JobStatus.FAILED
    assert "The limit one leaves no room" in bench.read("a").status_message


def test_of_several_limits_a_job_takes_all_places_or_none(bench: Bench) -> None:
    # Given a job that a second limit stops
    rule(
        bench,
        "limits: [{name: wide, per: global, queued: 2}, {name: narrow, per: user, queued: 1}]",
    )
    assert ask(bench, "a", "true", user="bo") is JobStatus.ACCEPTED
    assert ask(bench, "b", user="bo") is JobStatus.RESERVED
    # Then the first one's place is free for others
    assert ask(bench, "c", "true", user="ana") is JobStatus.ACCEPTED
    bench.until_ended("a", "c")


def test_what_a_rule_denies_is_told_with_its_reason(bench: Bench) -> None:
    rule(bench, "deny: [{name: freeze, match: {user: ana}, reason: Change freeze}]")
    assert ask(bench, "a") is JobStatus.INVALID
    job = bench.read("a")
    assert (job.failure, job.rules) == ("Change freeze", ["freeze"])
    assert job.rules_version == 1
    assert job.rules_digest == rule_sets.get(1).digest


def test_what_rules_fill_in_and_force_is_what_runs(bench: Bench, tmp_path: Path) -> None:
    # Given
    rule(
        bench,
        "defaults: [{name: d, set: {timeout: 2h, environment: {A: x, B: y}}}]\n"
        "overrides: [{name: o, set: {priority: 7, environment: {B: z}}}]",
    )
    found = tmp_path / "found"
    # When
    assert ask(bench, "a", f"echo $A $B > {found}", environment={"A": "mine"}) is JobStatus.ACCEPTED
    bench.until_ended("a")
    # Then
    job = bench.read("a")
    assert found.read_text() == "mine z\n"
    assert (job.timeout, job.priority, job.rules) == (7200, 7, ["d", "all", "o"])
    assert job.request().environment == {"A": "mine"}
