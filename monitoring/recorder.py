"""What the stages report as they work, turned into metrics; the only place that touches a label."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..models import lifecycle
from ..models.lifecycle import Move
from . import metrics


def install() -> None:
    """Count every move of every job of this process from now on."""
    lifecycle.listen(_count)


def _count(move: Move) -> None:
    metrics.JOB_TRANSITIONS.labels(str(move.after)).inc()


def record_request(tag_group: str, result: str) -> None:
    """A request came by its queue: `accepted`, `duplicate`, `conflict` or `invalid`."""
    metrics.REQUESTS.labels(tag_group, result).inc()


def record_decision(tag_group: str, outcome: str, rule: str) -> None:
    """The rules decided about a request: `routed`, `denied`, `held`, `rejected`, `no_route`, `no_cluster`.

    Arguments:
        rule: The rule that settled it; empty where none did.
    """
    metrics.ROUTING_DECISIONS.labels(tag_group, outcome, rule).inc()


def record_staged(moved: bool) -> None:
    """A file was staged: moved, or found where it had to be."""
    metrics.STAGED_FILES.labels("moved" if moved else "cached").inc()


def record_submitted(cluster: str, count: int) -> None:
    """So many steps were added to a cluster by one call."""
    metrics.STEPS_SUBMITTED.labels(cluster).inc(count)


def record_end(
    *, status: str, cluster: str | None, tag_group: str, run_seconds: float | None
) -> None:
    """A job was finished; its run time is known if it ran."""
    metrics.JOBS_FINISHED.labels(status, cluster or "none", tag_group).inc()
    if run_seconds is not None:
        metrics.JOB_RUN_SECONDS.labels(status).observe(run_seconds)


def record_wait(tag_group: str, seconds: float) -> None:
    """A job went from being recorded to its step in so many seconds."""
    metrics.JOB_WAIT_SECONDS.labels(tag_group).observe(seconds)


def record_strays(kind: str, count: int) -> None:
    """So many steps of a cluster belong to no open job: `orphan`, or `stopped` where the job has ended."""
    metrics.STRAY_STEPS.labels(kind).inc(count)


def record_emr_call(operation: str, result: str, seconds: float) -> None:
    """EMR was called: `ok`, `throttled`, `error`, or `unknown` when no answer came."""
    metrics.EMR_CALLS.labels(operation, result).inc()
    metrics.EMR_CALL_SECONDS.labels(operation).observe(seconds)


def record_held_back(operation: str) -> None:
    """A call of EMR was not made: the account's quota has no room for it."""
    metrics.EMR_CALLS_HELD_BACK.labels(operation).inc()


def record_tokens(account: str, region: str, operation: str, left: float) -> None:
    """So many calls of EMR are left in the quota."""
    metrics.EMR_TOKENS.labels(account, region, operation).set(left)


def record_emr_events(result: str, count: int) -> None:
    """So many events of EMR came: `applied`, `stale`, `left` to a sweep, `unknown`, or `unreadable`."""
    metrics.EMR_EVENTS.labels(result).inc(count)


def record_message(actor: str, result: str, seconds: float) -> None:
    """An actor ended: `done`, or `error`."""
    metrics.MESSAGES.labels(actor, result).inc()
    metrics.MESSAGE_SECONDS.labels(actor).observe(seconds)


def record_dead_letter(queue: str) -> None:
    """A message was kept as a dead letter."""
    metrics.DEAD_LETTERS.labels(queue).inc()


def record_leader(leads: bool) -> None:
    """Whether this process keeps the fleet's clock."""
    metrics.CLOCK_LEADER.set(int(leads))


def record_tick() -> None:
    """The fleet's clock ticked here."""
    metrics.CLOCK_TICK_TIME.set_to_current_time()


@contextmanager
def routing_time() -> Iterator[None]:
    """Measures one decision."""
    with metrics.ROUTING_SECONDS.time():
        yield


@contextmanager
def staging_time() -> Iterator[None]:
    """Measures the staging of one job."""
    with metrics.STAGING_SECONDS.time():
        yield


@contextmanager
def pass_time() -> Iterator[None]:
    """Measures one pass over one cluster."""
    with metrics.PASS_SECONDS.time():
        yield


def record_rules(digest: str, *, before: str | None, taken_up: bool) -> None:
    """This process goes by the rules of this digest.

    Arguments:
        before: The digest of those that it went by.
        taken_up: Whether they are what was applied last.
    """
    if before and before != digest:
        metrics.RULES_IN_FORCE.labels(before[:12]).set(0)
    metrics.RULES_IN_FORCE.labels(digest[:12]).set(1)
    metrics.RULES_LAST_RELOAD_SUCCESSFUL.set(int(taken_up))


def record_canary(pool: str, *, stopped: bool) -> None:
    """The pool's canary gets jobs, or was stopped."""
    metrics.CANARY_STOPPED.labels(pool).set(1 if stopped else 0)


def record_rules_watch(*, failed: bool) -> None:
    """The folder that is watched holds rules that cannot be used, or what is in force."""
    metrics.RULES_WATCH_FAILED.set(int(failed))
