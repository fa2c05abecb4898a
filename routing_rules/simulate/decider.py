"""Decides about many jobs by the same rules and catalog: what many have in common is worked out once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ...models.resources import Cluster, Command, JobRequest
from ...models.snapshot import CatalogSnapshot
from ..decide import Decision, Outcome, decide
from ..limits import Usage
from ..pools import PoolSelector
from ..resolver import NO_CLUSTER, NO_CLUSTER_PICKED, NO_COMMAND
from ..rules import Route, RuleSet
from ..selectors import DEFAULT_SELECTORS, Choice, Selector
from .past_jobs import PastJob
from .rulings import Ruling, ruling_of

_MOST_KNOWN: Final = 20_000


@dataclass(slots=True)
class _Tie:
    """Commands and clusters that do equally well: which are taken is each job's own luck."""

    #: By id, in the order of the ids.
    commands: Mapping[str, Command]
    clusters: Mapping[str, tuple[Cluster, ...]]
    selectors: tuple[Selector, ...]
    cluster_selectors: tuple[Selector, ...]
    #: What was decided when this command and this cluster were taken, by whom.
    rulings: dict[tuple[str, str, str], Ruling] = field(default_factory=dict)


@dataclass(slots=True)
class _Known:
    """What all requests that are alike have in common."""

    ruling: Ruling
    #: None: they all get the same ruling.
    tie: _Tie | None


class Decider:
    """`decide`, with a memory: it answers the same, sooner.

    What is nearest to an answer is worked out once for all requests that are alike.

    Arguments:
        rules: Without limits: what is full at one moment is not at another.
        usage: Its load is looked at anew for each decision; it may change in between.
    """

    def __init__(self, rules: RuleSet, catalog: CatalogSnapshot, usage: Usage) -> None:
        self.rules, self.catalog, self.usage = rules, catalog, usage
        self._known: dict[Hashable, _Known] = {}
        #: What `route_of` answered last, and to what.
        self._asked: tuple[PastJob | None, datetime | None, str | None] = (None, None, None)
        self._route: Route | None = None

    def route_of(self, job: PastJob, moment: datetime, chosen_group: str | None) -> Route | None:
        """The first route that takes the job, if one does that leads to the group."""
        at, when, group = self._asked
        if at is not job or when is not moment or group != chosen_group:
            self._route = self.rules.route_of(job.facts, moment, chosen_group)
            self._asked = (job, moment, chosen_group)
        return self._route

    def rule(self, job: PastJob, moment: datetime, chosen_group: str | None) -> Ruling:
        """What becomes of the job at the moment; the seed is its id."""
        request = job.request
        denial = self.rules.denying(job.facts, moment) if self.rules.deny else None
        route = self.route_of(job, moment, chosen_group) if denial is None else None
        # All on which the place depends, but for luck: what rules fill in or force does not
        # change it.
        key = (
            request.command_criterion,
            request.cluster_criteria,
            request.applications,
            chosen_group,
            denial.name if denial else None,
            route.name if route else None,
        )
        known = self._known.get(key)
        if known is None:
            return self._decide(request, moment, chosen_group, key)
        if known.tie is None:
            return known.ruling
        picked = _pick(known.tie, request)
        ruling = known.tie.rulings.get(picked)
        if ruling is None:
            # The first that gets them: only now are the command's applications looked at.
            ruling = self._decide(request, moment, chosen_group, None)
            known.tie.rulings[picked] = ruling
        return ruling

    def _decide(
        self, request: JobRequest, moment: datetime, chosen_group: str | None, key: Hashable
    ) -> Ruling:
        decision = decide(
            request,
            self.rules,
            self.catalog,
            usage=self.usage,
            moment=moment,
            seed=request.id,
            tag_group=chosen_group,
        )
        ruling = ruling_of(decision)
        if key is not None and _holds_for_all_alike(decision):
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = _Known(ruling, _tie_of(decision))
        return ruling


def _holds_for_all_alike(decision: Decision) -> bool:
    """Whether only luck can tell them apart; an application is missing that one command alone names, perhaps."""
    if decision.outcome is not Outcome.NO_CLUSTER:
        return True
    return decision.reason.startswith((NO_COMMAND, NO_CLUSTER, NO_CLUSTER_PICKED))


def _tie_of(decision: Decision) -> _Tie | None:
    """The commands and clusters that luck decided between; None when there was no choice."""
    if decision.resolution is None:
        return None
    won = [
        (each.command, each.winner)
        for each in decision.resolution.rationale.considered
        if each.winner is not None
    ]
    best = min(attempt.preference for _, attempt in won)
    tied = {
        command.id: (command, attempt.clusters)
        for command, attempt in won
        if attempt.preference == best
    }
    if len(tied) == 1 and all(len(clusters) == 1 for _, clusters in tied.values()):
        return None
    pools = tuple(
        PoolSelector(pool, decision.question.usage.load) for pool in decision.question.pools
    )
    return _Tie(
        commands={key: command for key, (command, _) in tied.items()},
        clusters={key: clusters for key, (_, clusters) in tied.items()},
        selectors=(*pools, *DEFAULT_SELECTORS),
        cluster_selectors=pools or DEFAULT_SELECTORS,
    )


def _pick(tie: _Tie, request: JobRequest) -> tuple[str, str, str]:
    """The command, the cluster, and who named it; as `resolve` lets its selectors choose."""
    command = next(iter(tie.commands.values()))
    if len(tie.commands) > 1:
        picked, _ = _first_answer(tie.selectors, _choice(tie, request, None))
        command = tie.commands[picked]
    cluster, selector = _first_answer(tie.cluster_selectors, _choice(tie, request, command))
    return command.id, cluster, selector


def _first_answer(selectors: tuple[Selector, ...], choice: Choice) -> tuple[str, str]:
    """What the first selector names that names anything, and which one it is.

    They are our own: what they name is a candidate, which need not be made sure for each job.
    """
    for selector in selectors:
        picked = selector(choice)
        if picked is not None:
            return picked, selector.__name__
    return "", ""


def _choice(tie: _Tie, request: JobRequest, command: Command | None) -> Choice:
    candidates: Any = tie.clusters[command.id] if command else tuple(tie.commands.values())
    return Choice(
        kind="cluster" if command else "command",
        candidates=candidates,
        request=request,
        seed=request.id,
        command=command,
        clusters=tie.clusters,
    )
