"""How jobs are recorded and found, and how their end is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from . import audit, limit_holders
from .database import now
from .errors import JobConflict, JobNotFound
from .job import HistoryEntry, Job, StepDocument
from .resources import JobRequest
from .schemas import dump_job_request, request_digest
from .states import ON_CLUSTER, JobStatus


def ensure_indexes() -> None:
    """Build the indexes that are missing."""
    Job.ensure_indexes()
    audit.AuditDocument.ensure_indexes()
    limit_holders.ensure_indexes()


def record(
    request: JobRequest, tag_group: str, *, worker: str, ring_at: datetime, queue_seconds: float
) -> bool:
    """Record a request as a RESERVED job; the insert by id is what makes a second delivery harmless.

    Arguments:
        ring_at: When the clock is to look whether somebody took the job on.
        queue_seconds: How long it may wait, where the request does not say.

    Returns:
        Whether it was recorded now; False when the same job was there already.

    Raises:
        JobConflict: A job with this id and another body is there; it goes on unharmed.
    """
    moment = now()
    job = _new(request, tag_group, JobStatus.RESERVED, "Recorded.", moment, worker)
    job.ring_at = ring_at
    job.queue_seconds = float(request.queue_timeout or queue_seconds)
    job.queue_until = moment + timedelta(seconds=job.queue_seconds)
    return _insert(job)


def record_invalid(
    job_id: str, reason: str, body: Mapping[str, Any], *, tag_group: str, worker: str
) -> None:
    """Record that a request was refused, so that who asks for its id learns why.

    A job that has this id already is left alone.
    """
    moment = now()
    text = json.dumps(body, default=str)[:100_000]

    def part(name: str) -> str:
        found = body.get(name)
        return str(found)[:255] if isinstance(found, str | int | float) else "unknown"

    job = Job(
        id=job_id,
        request_json=text,
        digest="invalid",
        name=part("name"),
        user=part("user"),
        version=part("version"),
        tag_group=tag_group,
        priority=0,
        status=JobStatus.INVALID,
        status_message=reason,
        history=[
            HistoryEntry(status=JobStatus.INVALID, time=moment, message=reason, worker=worker)
        ],
        created=moment,
        updated=moment,
        finished=moment,
    )
    try:
        _insert(job)
    except JobConflict:
        return


def _new(
    request: JobRequest,
    tag_group: str,
    status: JobStatus,
    message: str,
    moment: datetime,
    worker: str,
) -> Job:
    return Job(
        id=request.id,
        request_json=json.dumps(dump_job_request(request), sort_keys=True),
        digest=request_digest(request),
        name=request.name,
        user=request.user,
        version=request.version,
        tags=sorted(request.tags),
        grouping=request.grouping,
        grouping_instance=request.grouping_instance,
        tag_group=tag_group,
        priority=request.priority,
        status=status,
        status_message=message,
        history=[HistoryEntry(status=status, time=moment, message=message, worker=worker)],
        created=moment,
        updated=moment,
        timeout=request.timeout,
        memory=request.memory,
        cpu=request.cpu,
        idempotent=request.idempotent,
    )


def _insert(job: Job) -> bool:
    collection = Job._get_collection()
    try:
        collection.insert_one(job.to_mongo())
    except DuplicateKeyError as error:
        there = collection.find_one({"_id": job.id}, {"digest": 1})
        if there and there.get("digest") == job.digest:
            return False
        raise JobConflict(job.id) from error
    return True


def is_recorded(request: JobRequest) -> bool:
    """Whether this very request is a job already.

    Raises:
        JobConflict: A job with its id and another body is.
    """
    there = Job._get_collection().find_one({"_id": request.id}, {"digest": 1})
    if there is None:
        return False
    if there.get("digest") != request_digest(request):
        raise JobConflict(request.id)
    return True


def get(job_id: str) -> Job:
    """One job.

    Raises:
        JobNotFound: No job has this id.
    """
    job: Job | None = Job.objects(id=job_id).first()
    if job is None:
        raise JobNotFound(job_id)
    return job


def get_all(job_ids: Iterable[str]) -> list[Job]:
    """The jobs that have these ids; an unknown id is left out."""
    return list(Job.objects(id__in=list(job_ids)))


def find(
    *,
    status: JobStatus | None = None,
    user: str | None = None,
    tag: str | None = None,
    limit: int = 50,
) -> list[Job]:
    """Jobs that fit all that is given, newest first."""
    asked = {"status": status, "user": user, "tags": tag}
    query = {name: value for name, value in asked.items() if value is not None}
    return list(Job.objects(**query).order_by("-created").limit(limit))


def open_on(emr_cluster_id: str) -> list[Job]:
    """The jobs that are open on a cluster, without the parts that a pass over many has no use for."""
    query = Job.objects(
        emr_cluster_id=emr_cluster_id, status__in=[str(status) for status in ON_CLUSTER]
    )
    return list(query.exclude("history", "rationale_json", "request_json", "staged_files", "step"))


def steps_of(job_ids: Iterable[str]) -> dict[str, StepDocument]:
    """What EMR is to be given for each of these jobs, which were accepted."""
    return {job.id: job.step for job in Job.objects(id__in=list(job_ids)).only("id", "step")}


def ask_to_kill(job_id: str, reason: str) -> bool:
    """Ask for a job's end; its owner acts on it.

    Returns:
        False when the job has ended already, or somebody asked before.

    Raises:
        JobNotFound: No job has this id.
    """
    job = get(job_id)
    if job.status.is_terminal:
        return False
    open_statuses = [str(status) for status in JobStatus if not status.is_terminal]
    moment = now()
    changed = Job._get_collection().update_one(
        {"_id": job_id, "status": {"$in": open_statuses}, "kill": {"$exists": False}},
        # The clock hands it to the actor that owns it, or rings for its cluster.
        {"$set": {"kill": {"reason": reason, "time": moment}, "ring_at": moment, "rings": 0}},
    )
    if changed.modified_count:
        audit.record("job.kill", job_id, after={"reason": reason})
    return bool(changed.modified_count)
