"""Which clusters a job may wait for that finds none UP now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from ..models.errors import Unresolvable
from ..models.resources import Cluster, JobRequest
from ..models.snapshot import CatalogSnapshot
from ..models.states import ClusterStatus
from .decide import Decision
from .resolver import resolve

#: How long after a cluster has ended another may be expected in its place.
SUCCESSION: Final = timedelta(hours=1)


def awaited(
    decision: Decision, catalog: CatalogSnapshot, *, moment: datetime
) -> tuple[Cluster, ...]:
    """The clusters that a request which finds none could wait for, of its route's pools if it has some."""
    found = awaited_clusters(decision.request, catalog, moment=moment)
    pools = decision.question.pools
    if not pools:
        return found
    return tuple(each for each in found if any(pool.has(each) for pool in pools))


def awaited_clusters(
    request: JobRequest, catalog: CatalogSnapshot, *, moment: datetime
) -> tuple[Cluster, ...]:
    """The clusters that the job could run on if they were UP: drained ones, and such as ended lately.

    Empty where the catalog has none that the request could mean: waiting would be in vain.
    """
    try:
        found = resolve(request, _all_up(catalog), seed=request.id)
    except Unresolvable:
        return ()
    ids = {each for candidates in found.cluster_candidates.values() for each in candidates}
    clusters = (catalog.cluster(each) for each in sorted(ids))
    return tuple(each for each in clusters if each and _may_return(each, moment))


@lru_cache(maxsize=1)  # thousands of jobs may wait for the same catalog
def _all_up(catalog: CatalogSnapshot) -> CatalogSnapshot:
    return CatalogSnapshot(
        applications=catalog.applications,
        commands=catalog.commands,
        clusters=[replace(each, status=ClusterStatus.UP) for each in catalog.clusters],
    )


def _may_return(cluster: Cluster, moment: datetime) -> bool:
    if cluster.status is ClusterStatus.TERMINATED:
        return cluster.updated is not None and moment - cluster.updated < SUCCESSION
    return cluster.status is ClusterStatus.OUT_OF_SERVICE
