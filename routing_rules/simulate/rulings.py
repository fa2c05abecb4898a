"""What became of a job, as far as simulations compare it."""

from __future__ import annotations

from dataclasses import dataclass

from ..decide import Decision, Outcome
from ..selectors import is_pick


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where a job goes, or why it goes nowhere."""

    outcome: Outcome
    cluster: str | None = None
    tag_group: str | None = None
    #: The pool that named the cluster.
    pool: str | None = None
    command: str | None = None

    @property
    def finds_nothing(self) -> bool:
        """Whether there is no route, command or cluster for it."""
        return self.outcome in (Outcome.NO_ROUTE, Outcome.NO_CLUSTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """Where a job goes, and why."""

    place: Place
    reason: str
    #: What was nearest to being an answer; None when there was an answer, or nothing near one.
    nearest: str | None = None
    #: The rule that settled it.
    rule: str | None = None


def ruling_of(decision: Decision) -> Ruling:
    """What a decision comes to."""
    reason, _, nearest = decision.reason.partition(". Nearest: ")
    resolution = decision.resolution
    if resolution is None:
        return Ruling(
            place=Place(outcome=decision.outcome, tag_group=decision.tag_group),
            reason=reason,
            nearest=nearest or _nearest_route(decision),
            rule=decision.rule,
        )
    pools = [
        answer.selector.removeprefix("pool ")
        for answer in resolution.rationale.answers
        if answer.kind == "cluster" and is_pick(answer) and answer.selector.startswith("pool ")
    ]
    return Ruling(
        place=Place(
            outcome=decision.outcome,
            cluster=resolution.cluster.id,
            tag_group=decision.tag_group,
            pool=pools[0] if pools else None,
            command=resolution.command.id,
        ),
        reason=reason,
        rule=decision.rule,
    )


def _nearest_route(decision: Decision) -> str | None:
    """The route of which the request lacks least, where no route takes it."""
    if decision.outcome is not Outcome.NO_ROUTE:
        return None
    question = decision.question
    misses = (
        (route.misses(question.facts, question.moment), route.name)
        for route in question.rules.routes
    )
    found = min(misses, key=lambda each: len(each[0]), default=None)
    return f"route {found[1]}: {'; '.join(found[0])}" if found else None
