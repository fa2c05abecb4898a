"""What happens to jobs that wait for a slot, other than getting one."""

from __future__ import annotations

from datetime import datetime

from ...models.database import now
from ...models.job import Job
from ...models.lifecycle import Move
from ...models.snapshot import CatalogSnapshot
from ...models.states import JobStatus
from ..step_moves import route_again, unless_killed
from .work import Pass


def leave(this: Pass) -> None:
    """End those that are killed or have waited too long; route anew those whose cluster takes no more jobs."""
    moment, catalog = now(), this.fleet.catalog.snapshot()
    moves = (_move(job, moment, catalog) for job in this.with_status(JobStatus.ACCEPTED))
    this.move([move for move in moves if move])


def _move(job: Job, moment: datetime, catalog: CatalogSnapshot) -> Move | None:
    if job.kill:
        message = f"Killed before it was submitted: {job.kill.reason}"
        return Move(job_id=job.id, before=job.status, after=JobStatus.KILLED, message=message)
    if job.queue_until and moment > job.queue_until:
        message = (
            f"Waited {job.queue_seconds:g} s for a slot on cluster {job.cluster_id!r}, the longest that "
            "it may (queueTimeout, or TAGFLEET_QUEUE_SECONDS)."
        )
        also = {"failure": message}
        return Move(
            job_id=job.id,
            before=job.status,
            after=JobStatus.FAILED,
            message=message,
            also=also,
            where=unless_killed(job),
        )
    # What may be on this cluster already, though nobody has seen it, must not go to another one.
    if job.doubted_since or not (why := _why_not_here(job, catalog)):
        return None
    return Move(
        job_id=job.id,
        before=job.status,
        after=JobStatus.RESERVED,
        message=f"{why}; routed anew.",
        also=route_again(job) | {"queue_until": job.queue_until},
        where=unless_killed(job),
    )


def _why_not_here(job: Job, catalog: CatalogSnapshot) -> str | None:
    cluster = catalog.cluster(str(job.cluster_id))
    if cluster is None:
        return f"Cluster {job.cluster_id!r} is no longer in the catalog"
    if job.cluster_status and cluster.status != job.cluster_status:
        return f"Cluster {cluster.id!r} is {cluster.status}"
    if not cluster.engine or cluster.engine.cluster_id != job.emr_cluster_id:
        return f"Cluster {cluster.id!r} is another one now"
    return None
