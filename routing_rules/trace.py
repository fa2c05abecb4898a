"""Every rule of a set, and why it applies to a request or does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..models.resources import Cluster
from .pools import Pool, Sticky, Strategy
from .question import Question
from .rules import Default, Deny, Limit, Override, Route, Rule

#: How many clusters of a target are named.
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule, or one pool, says about a request."""

    #: "deny", "default", "route", "override", "limit" or "pool".
    kind: str
    name: str
    #: Whether it had a say; of a pool: always.
    applies: bool
    #: What it does, or each thing that keeps it from applying.
    says: tuple[str, ...]


def trace_of(question: Question) -> tuple[Verdict, ...]:
    """What each rule says, in the order in which the request meets them, and the pools at the end.

    Nothing stops at the first answer: a rule that would have applied later says so.
    """
    verdicts = [_verdict(rule, question) for rule in question.rules.rules]
    verdicts += [_pool_verdict(pool, question) for pool in question.pools]
    return tuple(verdicts)


def _verdict(rule: Rule, question: Question) -> Verdict:
    misses = rule.misses(question.facts, question.moment)
    if misses:
        return Verdict(kind=rule.kind, name=rule.name, applies=False, says=tuple(misses))
    applies, says = True, ""
    match rule:
        case Deny():
            says = f"denied: {rule.reason}"
        case Default():
            says = f"fills in what is left out: {rule.set}"
        case Override():
            says = f"forces: {rule.set}"
        case Route() if rule is question.route:
            says = _destination(rule, question)
        case Route():
            applies, says = False, _why_not(rule, question)
        case Limit():
            applies, says = _limit(rule, question)
    return Verdict(kind=rule.kind, name=rule.name, applies=applies, says=(says,))


def _destination(route: Route, question: Question) -> str:
    priority = question.rules.groups[route.tag_group].priority
    of_priority = f" (priority {priority}, if nothing else gives one)" if priority else ""
    where = f"pool {route.pool}" if route.pool else "any cluster"
    return f"takes the request: queue {route.tag_group}{of_priority}, {where}"


def _why_not(route: Route, question: Question) -> str:
    if question.chosen_group not in (None, route.tag_group):
        return f"it would apply, but the producer chose the queue {question.chosen_group}"
    return f"it would apply, but {question.route.name if question.route else ''} comes first"


def _limit(limit: Limit, question: Question) -> tuple[bool, str]:
    if question.tag_group is None:
        return False, "no route takes the request"
    exceeded = limit.ceiling.exceeded(question.facts, question.tag_group, question.usage)
    return (True, f"{limit.on_exceed}: {exceeded}") if exceeded else (False, "there is room")


def _pool_verdict(pool: Pool, question: Question) -> Verdict:
    sticky = f", by {pool.sticky_by}" if pool.sticky_by is not Sticky.JOB else ""
    return Verdict(
        kind="pool",
        name=pool.name,
        applies=True,
        says=(f"{pool.strategy}{sticky}", *_targets(pool, question)),
    )


def _targets(pool: Pool, question: Question) -> Iterator[str]:
    catalog = question.catalog
    for target in pool.targets:
        share = f"weight {target.weight}, " if pool.strategy is Strategy.WEIGHTED else ""
        there = ""
        if target.canary:
            share = f"canary{' (stopped)' if pool.name in question.usage.stopped else ''}, {share}"
        if catalog is not None:
            there = f": {_clusters(pool.of_target(target, catalog.clusters))}"
        yield f"{share}{target}{there}"


def _clusters(clusters: Sequence[Cluster]) -> str:
    shown = ", ".join(f"{each.id} is {each.status}" for each in clusters[:_SHOWN])
    more = f" and {len(clusters) - _SHOWN} more" if len(clusters) > _SHOWN else ""
    return shown + more or "no such cluster in the catalog"
