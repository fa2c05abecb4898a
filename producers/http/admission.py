"""What the rules say of a request that is asked about, or submitted, through the door."""

from __future__ import annotations

from typing import Final

from ...models import canaries, limit_holders
from ...models.database import now
from ...models.errors import Unresolvable
from ...models.resources import JobRequest
from ...routing_rules.awaited import awaited
from ...routing_rules.decide import Decision, Outcome, decide
from ...routing_rules.in_force import RulesNow
from ...routing_rules.limits import OnExceed, Usage
from ...routing_rules.places import Stopped, places_of
from ...routing_rules.rules import RuleSet
from .problems import Problem
from .services import Services

#: When a client may submit again whom a limit refused, in seconds; a rate knows it better.
_RETRY_SECONDS: Final = 30


def decision_on(door: Services, rules: RulesNow, asked: JobRequest) -> Decision:
    """What becomes of the request, as far as can be said before it is taken on.

    Limits are not asked: only the worker that lets a job in knows whether there is room.
    """
    return decide(
        asked,
        rules.rules,
        door.catalog.snapshot(),
        usage=Usage(stopped=_stopped_pools(rules)),
        moment=now(),
        seed=asked.id,
    )


def check_admitted(door: Services, rules: RulesNow, asked: JobRequest) -> None:
    """Make sure that the rules take the request, and that there is a cluster for it or one may come.

    Raises:
        Unresolvable: They do not, or there is none; carries what was considered.
        Problem: 429, a limit refuses it.
    """
    decision = decision_on(door, rules, asked)
    if decision.outcome in (Outcome.DENIED, Outcome.NO_ROUTE):
        refused_by = {"rule": decision.rule} if decision.rule else {}
        raise Unresolvable(decision.reason, refused_by)
    if decision.outcome is Outcome.NO_CLUSTER and not awaited(
        decision, door.catalog.snapshot(), moment=now()
    ):
        raise Unresolvable(decision.reason, decision.rationale or {})
    if decision.tag_group is not None:
        _check_limits(asked, decision.tag_group, rules.rules)


def _check_limits(asked: JobRequest, tag_group: str, rules: RuleSet) -> None:
    # Nothing is taken here: of two that ask at once the worker refuses one.
    for place in places_of(asked, tag_group, rules, now()):
        if place.limit.on_exceed is not OnExceed.REJECT:
            continue
        if limit_holders.count(place.key) >= place.most:
            raise Problem(
                429,
                Stopped(place=place).reason,
                retry_after=round(min(place.seconds or _RETRY_SECONDS, 3600)),
            )


def _stopped_pools(rules: RulesNow) -> frozenset[str]:
    if not any(pool.canary for pool in rules.rules.pools.values()):
        return frozenset()
    return canaries.stopped_pools(rules.name)
