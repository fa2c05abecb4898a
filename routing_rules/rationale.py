"""Why a job was routed as it was, or could not be: typed while deciding, JSON when stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from typing import Any, Final

from ..models.resources import AnyResource, Cluster, Command, Criterion
from ..models.snapshot import CatalogSnapshot, misses
from ..models.states import ClusterStatus, CommandStatus
from .criteria import contradictions
from .selectors import Answer

#: How many of anything are written down: 5,000 clusters must not become 5,000 lines.
LISTED: Final = 20
#: For how many different criteria the nearest clusters are looked up.
_EXPLAINED_CRITERIA: Final = 8


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One of a command's cluster criteria, merged with one of the request's."""

    command_criterion: Criterion
    request_criterion: Criterion
    #: The place of the request's criterion in its list: the lower, the better liked.
    preference: int
    #: None when the two contradict each other.
    merged: Criterion | None
    #: In the order of their ids.
    clusters: tuple[Cluster, ...] = ()

    @cached_property
    def cluster_ids(self) -> tuple[str, ...]:
        """The ids of the clusters that match."""
        return tuple(cluster.id for cluster in self.clusters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A command that matches, and what was tried to find clusters for it."""

    command: Command
    #: In order; only the last one may have found clusters.
    attempts: tuple[Attempt, ...]

    @property
    def winner(self) -> Attempt | None:
        """The attempt that found clusters."""
        last = self.attempts[-1]
        return last if last.clusters else None


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """Something that was rejected, and what kept it from matching."""

    resource: AnyResource
    criterion: Criterion
    missing: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rationale:
    """All that a decision rests on.

    Near misses are looked up when they are asked for, not while deciding: most jobs find
    their cluster, and nobody asks.
    """

    command_criterion: Criterion
    catalog: CatalogSnapshot = field(repr=False)
    considered: tuple[Considered, ...] = ()
    answers: tuple[Answer, ...] = ()
    command: str | None = None
    cluster: str | None = None

    @cached_property
    def near_commands(self) -> list[NearMiss]:
        """The commands that nearly matched, nearest first; at most LISTED."""
        return [
            _near_miss(command, self.command_criterion, CommandStatus.ACTIVE)
            for command in self.catalog.commands_near(self.command_criterion, LISTED)
        ]

    @cached_property
    def near_clusters(self) -> list[NearMiss]:
        """The clusters that nearly matched one of the merged criteria; at most LISTED."""
        found = [
            _near_miss(cluster, criterion, ClusterStatus.UP)
            for criterion in islice(self._merged(), _EXPLAINED_CRITERIA)
            for cluster in self.catalog.clusters_near(criterion, LISTED)
        ]
        # The sort is stable: among equals, what the request likes best stays first.
        found.sort(key=lambda miss: len(miss.missing))
        nearest: dict[str, NearMiss] = {}
        for miss in found:
            nearest.setdefault(miss.resource.id, miss)
        return list(islice(nearest.values(), LISTED))

    def as_data(self) -> dict[str, Any]:
        """The rationale as JSON data: what a job stores, and what `render` reads."""
        return {
            "commandCriterion": _criterion(self.command_criterion),
            "commandCount": len(self.considered),
            "commands": [self._command(each) for each in _ranked(self.considered)[:LISTED]],
            "nearCommands": [_miss(miss) for miss in self.near_commands],
            "nearClusters": [_miss(miss) for miss in self.near_clusters],
            "selectors": [_answer(answer) for answer in self.answers],
            "command": self.command,
            "cluster": self.cluster,
        }

    def _merged(self) -> Iterator[Criterion]:
        """Each different merged criterion once, the request's first choice first."""
        attempts = chain.from_iterable(each.attempts for each in self.considered)
        by_preference = sorted(attempts, key=lambda attempt: attempt.preference)
        merged = (attempt.merged for attempt in by_preference)
        return iter(dict.fromkeys(each for each in merged if each is not None))

    def _command(self, considered: Considered) -> dict[str, Any]:
        winner = considered.winner
        return {
            "id": considered.command.id,
            "name": considered.command.name,
            "preference": winner.preference if winner else None,
            "attemptCount": len(considered.attempts),
            # The last ones: it is the last that found clusters, if any did.
            "attempts": [_attempt(each) for each in considered.attempts[-LISTED:]],
        }


def _ranked(considered: Sequence[Considered]) -> list[Considered]:
    """Those with clusters first, by the request's preference."""
    return sorted(
        considered, key=lambda each: (1, 0) if not each.winner else (0, each.winner.preference)
    )


def _near_miss(resource: AnyResource, criterion: Criterion, default_status: str) -> NearMiss:
    return NearMiss(
        resource=resource,
        criterion=criterion,
        missing=tuple(misses(criterion, resource, default_status)),
    )


def _criterion(criterion: Criterion) -> dict[str, Any]:
    parts = {part: getattr(criterion, part) for part in ("id", "name", "version", "status")}
    return {
        **{part: value for part, value in parts.items() if value is not None},
        "tags": sorted(criterion.tags),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "preference": attempt.preference,
        "commandCriterion": _criterion(attempt.command_criterion),
        "requestCriterion": _criterion(attempt.request_criterion),
        "merged": _criterion(attempt.merged) if attempt.merged else None,
        "contradictions": contradictions(attempt.command_criterion, attempt.request_criterion),
        "clusterCount": len(attempt.clusters),
        "clusters": list(attempt.cluster_ids[:LISTED]),
    }


def _miss(miss: NearMiss) -> dict[str, Any]:
    return {
        "id": miss.resource.id,
        "name": miss.resource.name,
        "criterion": _criterion(miss.criterion),
        "missing": list(miss.missing),
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "of": answer.kind,
        "selector": answer.selector,
        "picked": answer.picked,
        "problem": answer.problem,
    }
