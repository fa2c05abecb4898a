"""What becomes of jobs when a cluster's tags are others: decided on both catalogs, and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ....models.job import Job
from ....models.resources import Cluster
from ....models.snapshot import CatalogSnapshot
from ....models.states import JobStatus
from ....routing_rules.decide import Decision, Outcome

#: How a job ends that gets no cluster.
_NOWHERE: Final = {
    Outcome.DENIED: "refused by a rule",
    Outcome.NO_ROUTE: "no route",
    Outcome.NO_CLUSTER: "no cluster",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A job that would go elsewhere."""

    job: Job
    source: str
    target: str
    #: Why it goes nowhere then; empty where it has a cluster.
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerouting:
    """What a change does to some jobs."""

    #: How many were asked about.
    jobs: int
    moved: tuple[Moved, ...]

    @property
    def ways(self) -> list[tuple[str, str, int]]:
        """From where to where how many go, the most first."""
        found = Counter((each.source, each.target) for each in self.moved)
        return [(source, target, count) for (source, target), count in found.most_common()]

    @property
    def stranded(self) -> int:
        """How many of them have no cluster any more."""
        return sum(bool(each.reason) for each in self.moved)


def with_tags(catalog: CatalogSnapshot, cluster: Cluster, tags: Iterable[str]) -> CatalogSnapshot:
    """The catalog, with other tags on a cluster."""
    changed = replace(cluster, tags=frozenset(tags))
    return CatalogSnapshot(
        applications=catalog.applications,
        commands=catalog.commands,
        clusters=[changed if each.id == cluster.id else each for each in catalog.clusters],
    )


def rerouting(
    jobs: Sequence[Job],
    before: CatalogSnapshot,
    after: CatalogSnapshot,
    decided: Callable[[Job, CatalogSnapshot], Decision],
) -> Rerouting:
    """Which of the jobs would go elsewhere.

    Arguments:
        decided: Decides about a job, by a catalog; the same each time that it is asked.
    """
    moved = []
    for job in jobs:
        old, new = decided(job, before), decided(job, after)
        source, target = _place(old), _place(new)
        if source != target:
            reason = "" if new.resolution else new.reason
            moved.append(Moved(job=job, source=source, target=target, reason=reason))
    return Rerouting(jobs=len(jobs), moved=tuple(moved))


def is_undecided(job: Job) -> bool:
    """Whether a job waits to be routed: what it is decided by then is what is changed now."""
    return job.status is JobStatus.RESERVED


def _place(decision: Decision) -> str:
    if decision.resolution:
        return decision.resolution.cluster.id
    return _NOWHERE.get(decision.outcome, str(decision.outcome))
