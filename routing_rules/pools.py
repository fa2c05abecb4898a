"""Pools: which of the clusters that would do takes a job, by weight, load, order or chance."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from ..models.resources import Cluster
from .selectors import Choice, has_id


class Strategy(StrEnum):
    """How a pool chooses."""

    WEIGHTED = "weighted"  #: Each target gets its share of the jobs.
    LEAST_LOADED = "least_loaded"  #: The cluster with the fewest jobs a slot.
    ORDERED = "ordered"  #: The first target that can take the job.
    RANDOM = "random"  #: Any cluster of any target, evenly.


class Sticky(StrEnum):
    """Whose jobs stay together, as long as their target can take them."""

    USER = "user"  #: All jobs of one user.
    NAME = "name"  #: All jobs of one name.
    JOB = "job"  #: Each job for itself.


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """When a target is given no more jobs: too many of those it had have failed."""

    #: By how many percentage points its failure rate may be above that of the pool's other targets.
    margin: int
    #: How many of its jobs, and of theirs, must have ended before the two are compared.
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Some clusters: one by its id, or all that have these tags."""

    cluster: str | None = None
    tags: frozenset[str] = frozenset()
    #: The share of the jobs, in proportion to the other weights.
    weight: int = 1
    #: None: it is trusted.
    canary: Canary | None = None

    def __str__(self) -> str:
        return self.cluster or ", ".join(sorted(self.tags)) or "any cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Some clusters, and how one of them is chosen."""

    name: str
    strategy: Strategy
    targets: tuple[Target, ...] = (Target(),)
    sticky_by: Sticky = Sticky.JOB
    #: The pool that is asked when no target can take the job.
    fallback: str | None = None

    def has(self, cluster: Cluster) -> bool:
        """Whether any of its targets means this cluster."""
        return any(self.of_target(target, [cluster]) for target in self.targets)

    @property
    def canary(self) -> Target | None:
        """The target that is not trusted yet."""
        return next((target for target in self.targets if target.canary), None)

    def of_target(self, target: Target, clusters: Iterable[Cluster]) -> list[Cluster]:
        """The target's clusters among these. One that a target names by its id is no other's:
        a canary that bears the tags of the rest has its own weight all the same.
        """
        if target.cluster is not None:
            return [each for each in clusters if each.id == target.cluster]
        named = {each.cluster for each in self.targets}
        return [each for each in clusters if target.tags <= each.tags and each.id not in named]


@dataclass(frozen=True, slots=True)
class PoolSelector:
    """A pool as one of the resolver's selectors; it declines where none of its targets will do.

    The cluster is chosen first, among those of all commands that do equally well, and then the
    command follows: so a canary gets its share even if it has a command of its own.
    """

    pool: Pool
    load: Mapping[str, int] = field(default_factory=dict)
    #: Whether the pool's canary was stopped.
    stopped: bool = False

    @property
    def __name__(self) -> str:
        return f"pool {self.pool.name}"

    def __call__(self, choice: Choice) -> str | None:
        """Answer with the id of a command or of a cluster."""
        cluster = self._choose(choice)
        if cluster is None or choice.command is not None:
            return cluster.id if cluster else None
        fitting = [each for each, some in choice.clusters.items() if has_id(some, cluster.id)]
        return fitting[_digest("command", str(choice.seed)) % len(fitting)]

    def _choose(self, choice: Choice) -> Cluster | None:
        chosen = self._best(choice, _union(choice.clusters.values()))
        if chosen is None or choice.command is None or has_id(choice.candidates, chosen.id):
            return chosen
        # Another selector named the command, and the pool would have named another.
        return self._best(choice, [each for each in choice.candidates if isinstance(each, Cluster)])

    def _best(self, choice: Choice, clusters: Sequence[Cluster]) -> Cluster | None:
        offers = usable_targets(self.pool, clusters, stopped=self.stopped)
        if not offers:
            return None
        return _STRATEGIES[self.pool.strategy](offers, self._draw(choice), self.load)

    def _draw(self, choice: Choice) -> _Draw:
        keys = {Sticky.USER: choice.request.user, Sticky.NAME: choice.request.name}
        key = keys.get(self.pool.sticky_by)
        return _Draw(self.pool.name, str(choice.seed) if key is None else key, key is not None)


_Offers: TypeAlias = Sequence[tuple[Target, Sequence[Cluster]]]


def usable_targets(pool: Pool, clusters: Sequence[Cluster], *, stopped: bool = False) -> _Offers:
    """The targets that have some of these clusters, each with what it has; none of weight 0.

    Arguments:
        stopped: Leaves the canary out.
    """
    offers = (
        (target, pool.of_target(target, clusters))
        for target in pool.targets
        if target.weight and not (stopped and target.canary)
    )
    return [(target, found) for target, found in offers if found]


@dataclass(frozen=True, slots=True)
class _Draw:
    """What stands in for dice: the same key leads to the same choice, in each process and for good."""

    pool: str
    key: str
    #: Whether the same key is to have the same answer though the names change a little.
    sticks: bool

    def highest(self, weights: Mapping[str, int]) -> str:
        """One of the names, in proportion to the weights.

        By weighted rendezvous hashing: when a weight or a name changes, only those keys move that
        must. A canary that grows keeps what it had.
        """
        return max(weights, key=lambda name: (-weights[name] / math.log(self._uniform(name)), name))

    def one_of(self, clusters: Sequence[Cluster]) -> Cluster:
        """One of the clusters, evenly."""
        if len(clusters) == 1:
            return clusters[0]
        if not self.sticks:  # one digest for all, rather than one a cluster
            return clusters[_digest(self.pool, self.key) % len(clusters)]
        name = self.highest({each.id: 1 for each in clusters})
        return next(each for each in clusters if each.id == name)

    def _uniform(self, name: str) -> float:
        """A number between 0 and 1, both excluded."""
        return (_digest(self.pool, self.key, name) % 2**52 + 0.5) / 2**52


def _weighted(offers: _Offers, draw: _Draw, load: Mapping[str, int]) -> Cluster:
    name = draw.highest({str(target): target.weight for target, _ in offers})
    return draw.one_of(next(found for target, found in offers if str(target) == name))


def _least_loaded(offers: _Offers, draw: _Draw, load: Mapping[str, int]) -> Cluster:
    clusters = _union(found for _, found in offers)
    lowest = min(_load_per_slot(each, load) for each in clusters)
    return draw.one_of([each for each in clusters if _load_per_slot(each, load) == lowest])


def _ordered(offers: _Offers, draw: _Draw, load: Mapping[str, int]) -> Cluster:
    return draw.one_of(offers[0][1])


def _random(offers: _Offers, draw: _Draw, load: Mapping[str, int]) -> Cluster:
    return draw.one_of(_union(found for _, found in offers))


_STRATEGIES: Final[Mapping[Strategy, Callable[[_Offers, _Draw, Mapping[str, int]], Cluster]]] = {
    Strategy.WEIGHTED: _weighted,
    Strategy.LEAST_LOADED: _least_loaded,
    Strategy.ORDERED: _ordered,
    Strategy.RANDOM: _random,
}


def _load_per_slot(cluster: Cluster, load: Mapping[str, int]) -> float:
    return load.get(cluster.id, 0) / (cluster.engine.step_concurrency if cluster.engine else 1)


def _union(lists: Iterable[Sequence[Cluster]]) -> list[Cluster]:
    """The clusters of all lists, each once, in the order of their ids."""
    several = list(lists)
    if len(several) == 1:
        return list(several[0])
    found = {cluster.id: cluster for clusters in several for cluster in clusters}
    return [found[cluster_id] for cluster_id in sorted(found)]


def _digest(*parts: str) -> int:
    joined = "\0".join(parts).encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest(), "big")
