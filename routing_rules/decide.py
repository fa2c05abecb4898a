"""Decides what becomes of a request: by the rules, the catalog, and how full the fleet is; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from ..models.errors import Unresolvable
from ..models.resources import JobRequest
from ..models.snapshot import CatalogSnapshot
from .limits import IDLE, OnExceed, Usage
from .pools import PoolSelector
from .question import Question
from .resolver import NO_CLUSTER_PICKED, Defaults, Resolution, resolve
from .rules import Default, Limit, Override, Rule, RuleSet
from .selectors import DEFAULT_SELECTORS
from .trace import Verdict, trace_of

R = TypeVar("R", bound=Rule)


class Outcome(StrEnum):
    """What becomes of a request."""

    ROUTED = "routed"  #: It has its command and its cluster.
    DENIED = "denied"  #: A rule refuses it.
    HELD = "held"  #: A limit lets it wait.
    REJECTED = "rejected"  #: A limit refuses it.
    NO_ROUTE = "no_route"  #: No route takes it.
    NO_CLUSTER = "no_cluster"  #: No command and cluster answers it, or none of the route's pool.


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What becomes of a request, and which rules made it so."""

    outcome: Outcome
    #: In words, for whoever sent the request.
    reason: str
    #: With what the rules filled in and forced.
    request: JobRequest
    #: None when no route was looked for, or none found.
    tag_group: str | None = None
    #: Only of a request that is routed, by a catalog.
    resolution: Resolution | None = None
    #: The rule that settled it: the route, or what denied, held or rejected it.
    rule: str | None = None
    #: All rules that had a say, in the order in which the request met them.
    rules: tuple[str, ...] = ()
    #: Which commands and clusters were considered, as a job stores it; none when it got not so far.
    rationale: Mapping[str, object] | None = field(default=None, repr=False)
    question: Question = field(repr=False)

    @cached_property
    def trace(self) -> tuple[Verdict, ...]:
        """Every rule, and why it applied or did not; worked out when it is asked for."""
        return trace_of(self.question)


def decide(
    request: JobRequest,
    rules: RuleSet,
    catalog: CatalogSnapshot | None,
    *,
    usage: Usage = IDLE,
    moment: datetime,
    seed: int | str,
    tag_group: str | None = None,
) -> Decision:
    """Say what becomes of the request.

    Rules look at the request as it came: no rule sees what another one filled in or forced.

    Arguments:
        catalog: None asks only what the rules say: no cluster is looked for.
        usage: How much is there already, the request itself left out.
        moment: Says which windows hold; must know its time zone.
        seed: Decides what is left to chance; the job's id, usually.
        tag_group: The group whose queue the producer chose: it stays, and only the routes that
            lead there are asked. Where none of them applies, no pool is.
    """
    question = Question(
        request=request,
        rules=rules,
        catalog=catalog,
        usage=usage,
        moment=moment,
        seed=seed,
        chosen_group=tag_group,
    )
    denial = rules.denying(question.facts, moment)
    if denial is not None:
        return Decision(
            outcome=Outcome.DENIED,
            reason=denial.reason,
            request=request,
            rule=denial.name,
            rules=(denial.name,),
            question=question,
        )
    if question.tag_group is None:
        return Decision(
            outcome=Outcome.NO_ROUTE,
            reason="No route of the rules takes the request",
            request=request,
            question=question,
        )
    return _let_in(question, question.tag_group)


def _let_in(question: Question, tag_group: str) -> Decision:
    """What becomes of a request that has its tag group."""
    rules, route = question.rules, question.route
    defaults = _applying(rules.defaults, question)
    overrides = _applying(rules.overrides, question)
    decision = Decision(
        outcome=Outcome.ROUTED,
        reason=(
            f"The route {route.name} leads to the tag group {tag_group}"
            if route
            else f"Its producer chose the tag group {tag_group}; no route that leads there applies"
        ),
        request=_changed(question, tag_group, defaults, overrides),
        tag_group=tag_group,
        rule=route.name if route else None,
        rules=tuple(rule.name for rule in (*defaults, *([route] if route else ()), *overrides)),
        question=question,
    )
    stopped = _stopped(question, decision)
    if stopped is not None or question.catalog is None:
        return stopped or decision
    return _resolved(question, question.catalog, decision, _memory(defaults))


def _changed(
    question: Question, tag_group: str, defaults: Iterable[Default], overrides: Iterable[Override]
) -> JobRequest:
    request = question.request
    for default in defaults:
        request = default.set.fill(request)
    group = question.rules.groups.get(tag_group)
    priority = group.priority if group else None
    if priority and not request.priority:
        request = replace(request, priority=priority)
    for override in overrides:
        request = override.set.force(request)
    return request


def _stopped(question: Question, decision: Decision) -> Decision | None:
    """What the limits say, if they leave no room: to reject goes before to hold."""
    reached: list[tuple[Limit, str]] = []
    for limit in _applying(question.rules.limits, question):
        why = limit.ceiling.exceeded(question.facts, decision.tag_group or "", question.usage)
        if why:
            reached.append((limit, why))
    if not reached:
        return None
    limit, why = next(
        (each for each in reached if each[0].on_exceed is OnExceed.REJECT), reached[0]
    )
    rejects = limit.on_exceed is OnExceed.REJECT
    return replace(
        decision,
        outcome=Outcome.REJECTED if rejects else Outcome.HELD,
        reason=f"The limit {limit.name} leaves no room: {why}",
        rule=limit.name,
        rules=(*decision.rules, *(each.name for each, _ in reached)),
    )


def _resolved(
    question: Question,
    catalog: CatalogSnapshot,
    decision: Decision,
    defaults: Defaults,
) -> Decision:
    usage = question.usage
    pools = [
        PoolSelector(pool, usage.load, stopped=pool.name in usage.stopped)
        for pool in question.pools
    ]
    try:
        resolution = resolve(
            decision.request,
            catalog,
            seed=question.seed,
            # Where no pool names a command, none will name a cluster, and that is what is reported.
            command_selectors=(*pools, *DEFAULT_SELECTORS),
            cluster_selectors=pools or DEFAULT_SELECTORS,
            defaults=defaults,
        )
    except Unresolvable as error:
        reason = error.reason
        if reason == NO_CLUSTER_PICKED and question.pools:
            chain = ", nor in ".join(pool.name for pool in question.pools)
            reason += f": none of those that answer it is in the pool {chain}"
        return replace(
            decision, outcome=Outcome.NO_CLUSTER, reason=reason, rationale=error.rationale
        )
    return replace(decision, resolution=resolution)


def _applying(rules: Sequence[R], question: Question) -> list[R]:
    return [rule for rule in rules if rule.applies(question.facts, question.moment)]


def _memory(defaults: Iterable[Default]) -> Defaults:
    """The first memory that a default names: it goes behind the command's own."""
    memory = next((each.set.memory for each in defaults if each.set.memory is not None), None)
    return Defaults() if memory is None else Defaults(memory=memory)
