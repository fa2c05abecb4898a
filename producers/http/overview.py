"""The fleet at a glance: jobs by state and tag group, its clusters, and what waits for what."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from ...models import catalog, lease
from ...models.database import now
from ...models.job import Job
from ...models.resources import Cluster
from ...models.states import ON_CLUSTER, TERMINAL, ClusterStatus, JobStatus

#: Jobs that ended longer ago are not counted.
ENDED_WITHIN: Final = timedelta(hours=24)

#: A cluster with open jobs is looked at far more often than that.
UNSEEN_AFTER: Final = timedelta(minutes=5)

_HOLD_A_SLOT: Final = frozenset({JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING})


class Health(StrEnum):
    """Whether the fleet can work with a cluster."""

    OK = "ok"  #: It was looked at lately, or nothing is to be done there.
    RESTING = "resting"  #: It takes no steps for now; its note says why.
    UNSEEN = "unseen"  #: Jobs are there, and no worker has looked at it for minutes.
    GONE = "gone"  #: Terminated.


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCount:
    """How many jobs of a tag group are in a status; of ended ones, those of the last 24 hours."""

    tag_group: str
    status: JobStatus
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterView:
    """A cluster as the fleet uses it."""

    id: str
    name: str
    status: ClusterStatus
    tags: tuple[str, ...]
    #: EMR's id; None where the entry has no engine.
    emr_cluster_id: str | None
    slots: int
    #: Slots that jobs of this fleet hold.
    slots_used: int
    #: Jobs that are staged and wait for a slot.
    waiting: int
    health: Health
    #: What the jobs that wait there wait for, in words.
    note: str | None
    #: The worker that looks after it now; None: nobody has to.
    worker: str | None
    looked_at: datetime | None

    @property
    def open_jobs(self) -> int:
        """Jobs that wait or run there."""
        return self.slots_used + self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Jobs that wait for the same thing."""

    status: JobStatus
    reason: str
    #: Where they wait for a slot.
    cluster_id: str | None
    jobs: int
    oldest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetOverview:
    """The fleet at one moment."""

    time: datetime
    #: The worker that rings for what waits; None: no worker is there.
    leader: str | None
    counts: tuple[GroupCount, ...]
    clusters: tuple[ClusterView, ...]
    #: The most jobs first.
    waiting: tuple[Waiting, ...]

    def by_status(self) -> dict[JobStatus, int]:
        """How many jobs are in each status, all tag groups together."""
        found: Counter[JobStatus] = Counter()
        for each in self.counts:
            found[each.status] += each.jobs
        return {status: found[status] for status in JobStatus}

    def by_tag_group(self) -> dict[str, dict[JobStatus, int]]:
        """The same for each tag group, in the order of their names."""
        found: defaultdict[str, dict[JobStatus, int]] = defaultdict(dict)
        for each in sorted(self.counts, key=lambda count: count.tag_group):
            found[each.tag_group][each.status] = each.jobs
        return dict(found)


def fleet_overview() -> FleetOverview:
    """Look at the fleet; three queries of the jobs, one of the clusters and one of the leases."""
    moment = now()
    clusters = [each for each in catalog.list_resources("clusters") if isinstance(each, Cluster)]
    emr_ids = {each.engine.cluster_id for each in clusters if each.engine}
    leases = lease.look([lease.CLOCK, *sorted(emr_ids)])
    on_clusters = _on_clusters()
    leader = leases.get(lease.CLOCK)
    return FleetOverview(
        time=moment,
        leader=leader.holder if leader and leader.held else None,
        counts=_counts(moment),
        clusters=tuple(_view(each, on_clusters, leases, moment) for each in clusters),
        waiting=_waiting(leases),
    )


def cluster_views() -> tuple[ClusterView, ...]:
    """The clusters alone."""
    return fleet_overview().clusters


def _counts(moment: datetime) -> tuple[GroupCount, ...]:
    ended = [str(status) for status in TERMINAL]
    queries: Sequence[Mapping[str, Any]] = (
        {"status": {"$in": [str(each) for each in JobStatus if not each.is_terminal]}},
        {"finished": {"$gte": moment - ENDED_WITHIN}, "status": {"$in": ended}},
    )
    rows = [
        row
        for query in queries
        for row in _grouped(query, tag_group="$tag_group", status="$status")
    ]
    return tuple(
        GroupCount(
            tag_group=row["_id"]["tag_group"],
            status=JobStatus(row["_id"]["status"]),
            jobs=row["jobs"],
        )
        for row in rows
    )


def _on_clusters() -> Mapping[tuple[str, JobStatus], int]:
    query = {"status": {"$in": [str(status) for status in ON_CLUSTER]}}
    return {
        (str(row["_id"].get("cluster")), JobStatus(row["_id"]["status"])): row["jobs"]
        for row in _grouped(query, cluster="$emr_cluster_id", status="$status")
    }


def _view(
    cluster: Cluster,
    on_clusters: Mapping[tuple[str, JobStatus], int],
    leases: Mapping[str, lease.LeaseState],
    moment: datetime,
) -> ClusterView:
    emr_id = cluster.engine.cluster_id if cluster.engine else None
    used = sum(on_clusters.get((str(emr_id), status), 0) for status in _HOLD_A_SLOT)
    waiting = on_clusters.get((str(emr_id), JobStatus.ACCEPTED), 0)
    state = leases.get(str(emr_id), lease.NEVER_HELD)
    return ClusterView(
        id=cluster.id,
        name=cluster.name,
        status=cluster.status,
        tags=tuple(sorted(cluster.tags)),
        emr_cluster_id=emr_id,
        slots=cluster.engine.step_concurrency if cluster.engine else 0,
        slots_used=used,
        waiting=waiting,
        health=_health(cluster.status, state, busy=bool(used + waiting), moment=moment),
        note=state.note if waiting else None,
        worker=state.holder if state.held else None,
        looked_at=state.swept_at,
    )


def _health(
    status: ClusterStatus, state: lease.LeaseState, *, busy: bool, moment: datetime
) -> Health:
    if status is ClusterStatus.TERMINATED:
        return Health.GONE
    if state.rest_until and state.rest_until > moment:
        return Health.RESTING
    seen = state.held or (state.swept_at and moment - state.swept_at < UNSEEN_AFTER)
    return Health.OK if seen or not busy else Health.UNSEEN


def _waiting(leases: Mapping[str, lease.LeaseState]) -> tuple[Waiting, ...]:
    statuses = (JobStatus.RESERVED, JobStatus.RESOLVED, JobStatus.ACCEPTED)
    rows = _grouped(
        {"status": {"$in": [str(status) for status in statuses]}},
        status="$status",
        reason="$queue_reason",
        cluster="$cluster_id",
        emr="$emr_cluster_id",
    )
    found = [
        Waiting(
            status=(status := JobStatus(row["_id"]["status"])),
            reason=row["_id"].get("reason") or _reason(status, row["_id"], leases),
            cluster_id=row["_id"].get("cluster") if status is JobStatus.ACCEPTED else None,
            jobs=row["jobs"],
            oldest=row["oldest"],
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda each: (-each.jobs, each.oldest)))


def _reason(
    status: JobStatus, group: Mapping[str, Any], leases: Mapping[str, lease.LeaseState]
) -> str:
    match status:
        case JobStatus.RESERVED:
            return "About to be routed."
        case JobStatus.RESOLVED:
            return "Its files are being staged."
    state = leases.get(str(group.get("emr")), lease.NEVER_HELD)
    note = state.note or "it is about to be submitted"
    return f"Waits for cluster {group.get('cluster')}: {note}."


def _grouped(query: Mapping[str, Any], **parts: str) -> list[dict[str, Any]]:
    """The jobs of a query by these parts: how many, and since when the oldest is there."""
    stages: list[dict[str, Any]] = [
        {"$match": dict(query)},
        {"$group": {"_id": parts, "jobs": {"$sum": 1}, "oldest": {"$min": "$created"}}},
    ]
    return list(Job._get_collection().aggregate(stages))
