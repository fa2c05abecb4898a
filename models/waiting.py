"""What a job waits for, and how many are before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from . import lease
from .job import Job
from .queue_order import in_order
from .states import JobStatus

#: Of a job, what its place in a queue depends on.
_PARTS = ("id", "user", "priority", "created", "emr_cluster_id")

_HOLD_A_SLOT = (JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING)


def queues_of(jobs: Iterable[Job]) -> dict[str, dict[str, Any]]:
    """`{position, reason}` of each of the jobs that waits, by its id; position 1 is the next one."""
    jobs = list(jobs)
    found: dict[str, dict[str, Any]] = {}
    slots = [job for job in jobs if job.status is JobStatus.ACCEPTED]
    for cluster in sorted({str(job.emr_cluster_id) for job in slots}):
        found |= _for_a_slot(cluster, [job for job in slots if job.emr_cluster_id == cluster])
    clusters = [job for job in jobs if job.status is JobStatus.RESERVED and job.queue_reason]
    if clusters:
        found |= _outside(clusters)
    return found


def _for_a_slot(cluster: str, jobs: list[Job]) -> dict[str, dict[str, Any]]:
    queue = in_order(
        Job.objects(emr_cluster_id=cluster, status=JobStatus.ACCEPTED).only(*_PARTS),
        active_of(cluster),
    )
    places = {job.id: place for place, job in enumerate(queue, start=1)}
    state = lease.look([cluster]).get(cluster)
    note = (state.note if state else None) or "it is about to be submitted"
    return {
        job.id: {
            "position": places[job.id],
            "reason": str(job.queue_reason)
            if job.held_by
            else f"Waits for cluster {job.cluster_id}: {note}.",
        }
        for job in jobs
        if job.id in places
    }


def active_of(cluster: str) -> Counter[str]:
    """How many slots of the cluster each user's jobs hold."""
    holding = Job.objects(emr_cluster_id=cluster, status__in=[str(each) for each in _HOLD_A_SLOT])
    return Counter(holding.scalar("user"))


def _outside(jobs: list[Job]) -> dict[str, dict[str, Any]]:
    """Of jobs that have no cluster yet: they wait for one, or for a limit to leave room."""
    found: dict[str, dict[str, Any]] = {}
    for held_by in sorted({job.held_by or "" for job in jobs}):
        places = {job.id: place for place, job in enumerate(held_jobs(held_by or None), start=1)}
        found |= {
            job.id: {"position": places[job.id], "reason": str(job.queue_reason)}
            for job in jobs
            if job.id in places
        }
    return found


def held_jobs(held_by: str | None) -> list[Job]:
    """The jobs that a limit does not let in, in their order; None: those that wait for a cluster."""
    waiting = Job.objects(
        status=JobStatus.RESERVED, queue_reason__exists=True, held_by=held_by
    ).only(*_PARTS)
    return in_order(waiting, {})
