"""The catalog at one moment: frozen, and indexed so that a criterion is answered without a scan."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeAlias, TypeVar

from .resources import (
    ID_TAG,
    NAME_TAG,
    AnyResource,
    Application,
    Cluster,
    Command,
    Criterion,
)
from .states import ClusterStatus, CommandStatus

R = TypeVar("R", Application, Command, Cluster)

#: One thing that a criterion asks for: ("tag", "type:yarn"), ("status", "UP").
_Term: TypeAlias = tuple[str, str]

_NOWHERE: Final[frozenset[int]] = frozenset()
_PARTS: Final = ("id", "name", "version", "status")


class CatalogSnapshot:
    """Applications, commands and clusters as they were when it was built; safe to share.

    Everything comes back in the order of the ids.

    Raises:
        ValueError: Two resources of one kind have the same id.
    """

    __slots__ = ("_applications", "_clusters", "_commands")

    def __init__(
        self,
        *,
        applications: Iterable[Application] = (),
        commands: Iterable[Command] = (),
        clusters: Iterable[Cluster] = (),
    ) -> None:
        self._applications = _Shelf[Application](applications)
        self._commands = _Shelf[Command](commands)
        self._clusters = _Shelf[Cluster](clusters)

    @property
    def applications(self) -> tuple[Application, ...]:
        """All applications, whatever their status."""
        return self._applications.ordered

    @property
    def commands(self) -> tuple[Command, ...]:
        """All commands, whatever their status."""
        return self._commands.ordered

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """All clusters, whatever their status."""
        return self._clusters.ordered

    def application(self, application_id: str) -> Application | None:
        """The application with this id, if there is one."""
        return self._applications.by_id.get(application_id)

    def command(self, command_id: str) -> Command | None:
        """The command with this id, if there is one."""
        return self._commands.by_id.get(command_id)

    def cluster(self, cluster_id: str) -> Cluster | None:
        """The cluster with this id, if there is one."""
        return self._clusters.by_id.get(cluster_id)

    def commands_matching(self, criterion: Criterion) -> list[Command]:
        """The commands that the criterion means; ACTIVE ones, unless it names a status."""
        return self._commands.matching(criterion, CommandStatus.ACTIVE)

    def clusters_matching(self, criterion: Criterion) -> list[Cluster]:
        """The clusters that the criterion means; those that are UP, unless it names a status."""
        return self._clusters.matching(criterion, ClusterStatus.UP)

    def commands_near(self, criterion: Criterion, limit: int) -> list[Command]:
        """Commands that do not match but have most of what is asked for, nearest first."""
        return self._commands.near(criterion, CommandStatus.ACTIVE, limit)

    def clusters_near(self, criterion: Criterion, limit: int) -> list[Cluster]:
        """Clusters that do not match but have most of what is asked for, nearest first."""
        return self._clusters.near(criterion, ClusterStatus.UP, limit)


class _Shelf(Generic[R]):
    """The resources of one kind in the order of their ids, and the positions of each term."""

    __slots__ = ("_never", "_positions", "by_id", "ordered")

    def __init__(self, resources: Iterable[R]) -> None:
        self.ordered: tuple[R, ...] = tuple(sorted(resources, key=lambda each: each.id))
        self.by_id: dict[str, R] = {each.id: each for each in self.ordered}
        if len(self.by_id) != len(self.ordered):
            twice = sorted(i for i, n in Counter(each.id for each in self.ordered).items() if n > 1)
            raise ValueError(f"ids that occur more than once: {', '.join(twice)}")
        positions: dict[_Term, set[int]] = {}
        for position, resource in enumerate(self.ordered):
            for term in _borne(resource):
                positions.setdefault(term, set()).add(position)
        self._positions = {term: frozenset(found) for term, found in positions.items()}
        self._never = frozenset(
            at for at, resource in enumerate(self.ordered) if _can_never_match(resource)
        )

    def matching(self, criterion: Criterion, default_status: str) -> list[R]:
        """Those that bear every term."""
        found: list[frozenset[int]] = []
        for term in _asked(criterion, default_status):
            positions = self._positions.get(term)
            if positions is None:
                return []
            found.append(positions)
        # The rarest term first: no later step looks at more than it holds.
        found.sort(key=len)
        matched = found[0].intersection(*found[1:]) - self._never
        return [self.ordered[at] for at in sorted(matched)]

    def near(self, criterion: Criterion, default_status: str, limit: int) -> list[R]:
        """Those that bear most of the terms, but do not match."""
        found = [self._positions.get(term, _NOWHERE) for term in _asked(criterion, default_status)]
        nearest = self._missing_one(found)
        # Seldom needed in a large catalog, where it is dear: a look at everything.
        return [
            self.ordered[at]
            for at in (
                heapq.nsmallest(limit, nearest)
                if len(nearest) >= limit
                else self._missing_least(found, limit)
            )
        ]

    def _missing_one(self, found: list[frozenset[int]]) -> frozenset[int]:
        """Those that have all but one of what is asked for."""
        everything = frozenset(range(len(self.ordered)))
        matched = everything.intersection(*sorted(found, key=len))
        nearest = matched & self._never
        for at in range(len(found)):
            others = sorted(found[:at] + found[at + 1 :], key=len) or [everything]
            nearest |= others[0].intersection(*others[1:]) - matched - self._never
        return nearest

    def _missing_least(self, found: list[frozenset[int]], limit: int) -> list[int]:
        """Those that have most of what is asked for, if they have any of it."""
        shared = Counter(at for positions in found for at in positions)
        missing = ((len(found) - count + (at in self._never), at) for at, count in shared.items())
        return [at for _, at in heapq.nsmallest(limit, (each for each in missing if each[0]))]


def matches(criterion: Criterion, resource: AnyResource, default_status: str) -> bool:
    """Whether the resource has all that the criterion asks for: exact, and case-sensitive.

    Arguments:
        default_status: What is asked for when the criterion names no status.
    """
    return (
        resource.status == (default_status if criterion.status is None else criterion.status)
        and (criterion.tags <= resource.tags or criterion.tags <= resource.tags | _own(resource))
        and criterion.id in (None, resource.id)
        and criterion.name in (None, resource.name)
        and criterion.version in (None, resource.version)
        and not _can_never_match(resource)
    )


def misses(criterion: Criterion, resource: AnyResource, default_status: str) -> list[str]:
    """What keeps the resource from matching, in words; empty when it matches."""
    found = []
    for part, value in _asked(criterion, default_status):
        if part != "tag" and getattr(resource, part) != value:
            found.append(f"{part} is {getattr(resource, part)}, not {value}")
        elif part == "tag" and value not in resource.tags and value not in _own(resource):
            found.append(f"tag {value!r} is missing")
    if _can_never_match(resource):
        found.append("it has no cluster criteria")
    return found


def _asked(criterion: Criterion, default_status: str) -> Iterator[_Term]:
    for part in _PARTS:
        value = getattr(criterion, part)
        if value is None and part == "status":
            value = default_status
        if value is not None:
            yield part, value
    for tag in sorted(criterion.tags):
        yield "tag", tag


def _borne(resource: AnyResource) -> Iterator[_Term]:
    for part in _PARTS:
        yield part, str(getattr(resource, part))
    for tag in resource.tags | _own(resource):
        yield "tag", tag


def _own(resource: AnyResource) -> frozenset[str]:
    """The tags that say id and name; a resource bears them without having been given them."""
    return frozenset({ID_TAG + resource.id, NAME_TAG + resource.name})


def _can_never_match(resource: AnyResource) -> bool:
    """A command that names no clusters to run on is never a candidate, not even by its id."""
    return isinstance(resource, Command) and not resource.cluster_criteria
