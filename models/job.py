"""The job in MongoDB: its document, how it is recorded, found and shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

import mongoengine as me
from pymongo.errors import DuplicateKeyError

from .database import now
from .errors import JobConflict, JobNotFound
from .resources import ID_TAG, NAME_TAG, Engine, JobRequest
from .schemas import dump_job_request, load_job_request, request_digest
from .states import ON_CLUSTER, JobStatus


class HistoryEntry(me.EmbeddedDocument):
    """One change of a job's status."""

    status: JobStatus = me.EnumField(JobStatus, required=True)
    time: datetime = me.DateTimeField(required=True)
    message: str = me.StringField(required=True)
    worker: str | None = me.StringField()


class StagedFileDocument(me.EmbeddedDocument):
    """A file that was staged for the job."""

    source: str = me.StringField(required=True)
    target: str = me.StringField(required=True)
    checksum: str = me.StringField(required=True)
    size: int = me.LongField(required=True)


class StepDocument(me.EmbeddedDocument):
    """What is handed to EMR for the job; written once, when the job is accepted."""

    jar: str = me.StringField(required=True)
    arguments: list[str] = me.ListField(me.StringField())


class EngineOfJob(me.EmbeddedDocument):
    """The cluster's engine as it was when the job was routed: running jobs stay where they are."""

    cluster_id: str = me.StringField(required=True)
    region: str | None = me.StringField()
    role_arn: str | None = me.StringField()
    execution_role_arn: str | None = me.StringField()
    step_concurrency: int = me.IntField(required=True)
    log_uri: str | None = me.StringField()

    def value(self) -> Engine:
        """The engine as a plain value."""
        return Engine(**{name: getattr(self, name) for name in self._fields})


class KillRequest(me.EmbeddedDocument):
    """Somebody, or the job's time-out, asked for its end; whoever owns the job acts on it."""

    reason: str = me.StringField(required=True)
    time: datetime = me.DateTimeField(required=True)
    #: When the cluster was last asked to stop the step.
    sent: datetime | None = me.DateTimeField()


class Diagnosis(me.EmbeddedDocument):
    """Why a job failed, as far as its logs say."""

    cause: str = me.StringField(required=True)
    #: The last lines of stderr.
    stderr_tail: str = me.StringField()


class Job(me.Document):
    """A job: what was asked for, where it is, and what became of it."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "jobs",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["emr_cluster_id", "status"]},
            {"fields": ["status"]},
            {"fields": ["ring_at"], "sparse": True},
            {"fields": ["-created"]},
        ],
    }

    id: str = me.StringField(primary_key=True)
    #: The request as JSON text: its metadata has keys of the users' own choosing.
    request_json: str = me.StringField(required=True)
    #: What a second publication under the same id is compared with.
    digest: str = me.StringField(required=True)
    name: str = me.StringField(required=True)
    user: str = me.StringField(required=True)
    version: str = me.StringField(required=True)
    tags: list[str] = me.ListField(me.StringField())
    tag_group: str = me.StringField(required=True)
    priority: int = me.IntField(required=True)

    status: JobStatus = me.EnumField(JobStatus, required=True)
    status_message: str = me.StringField(required=True)
    history: list[HistoryEntry] = me.EmbeddedDocumentListField(HistoryEntry)
    created: datetime = me.DateTimeField(required=True)
    updated: datetime = me.DateTimeField(required=True)
    started: datetime | None = me.DateTimeField()
    finished: datetime | None = me.DateTimeField()
    #: When the clock rings for the job again, if nothing has moved it before; absent: never.
    ring_at: datetime | None = me.DateTimeField()
    #: How often the clock rang since the last move; the pauses grow with it.
    rings: int = me.IntField(default=0)
    #: The last batch of moves that this job was in (see lifecycle.advance_all).
    batch: str | None = me.StringField()

    command_id: str | None = me.StringField()
    command_name: str | None = me.StringField()
    cluster_id: str | None = me.StringField()
    cluster_name: str | None = me.StringField()
    applications: list[str] = me.ListField(me.StringField())
    #: Why it was routed there, as JSON text.
    rationale_json: str | None = me.StringField()
    #: In seconds, MB and cores: what was asked for, or the defaults.
    timeout: int | None = me.IntField()
    memory: int | None = me.IntField()
    cpu: int | None = me.IntField()

    engine: EngineOfJob | None = me.EmbeddedDocumentField(EngineOfJob)
    #: EMR's id of the cluster: the key of the reconcile pass that owns the job from ACCEPTED on.
    emr_cluster_id: str | None = me.StringField()
    step: StepDocument | None = me.EmbeddedDocumentField(StepDocument)
    staged_files: list[StagedFileDocument] = me.EmbeddedDocumentListField(StagedFileDocument)
    #: Rises with each submission that is meant to run the job (again).
    attempt: int = me.IntField(default=1)
    #: The lease's epoch under which the submission was intended.
    epoch: int | None = me.IntField()
    claimed: datetime | None = me.DateTimeField()
    step_id: str | None = me.StringField()
    exit_code: int | None = me.IntField()
    kill: KillRequest | None = me.EmbeddedDocumentField(KillRequest)
    failure: str | None = me.StringField()
    diagnosis: Diagnosis | None = me.EmbeddedDocumentField(Diagnosis)
    archive_location: str | None = me.StringField()
    #: PENDING, ARCHIVED, DISABLED, or FAILED with the reason in archive_message.
    archive_status: str | None = me.StringField()
    archive_message: str | None = me.StringField()

    def request(self) -> JobRequest:
        """What was asked for."""
        return load_job_request(json.loads(self.request_json))

    def rationale(self) -> dict[str, Any] | None:
        """Why it was routed where it was, or why it was not."""
        return dict(json.loads(self.rationale_json)) if self.rationale_json else None


def ensure_indexes() -> None:
    """Build the indexes that are missing."""
    Job.ensure_indexes()


def record(request: JobRequest, tag_group: str, *, worker: str, ring_at: datetime) -> bool:
    """Record a request as a RESERVED job; the insert by id is what makes a second delivery harmless.

    Arguments:
        ring_at: When the clock is to look whether somebody took the job on.

    Returns:
        Whether it was recorded now; False when the same job was there already.

    Raises:
        JobConflict: A job with this id and another body is there; it goes on unharmed.
    """
    moment = now()
    job = _new(request, tag_group, JobStatus.RESERVED, "Recorded.", moment, worker)
    job.ring_at = ring_at
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
    """The jobs that are open on a cluster, without the parts that a reconcile pass has no use for."""
    query = Job.objects(
        emr_cluster_id=emr_cluster_id, status__in=[str(status) for status in ON_CLUSTER]
    )
    return list(query.exclude("history", "rationale_json", "request_json", "staged_files"))


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
        # Not on a cluster yet: the clock hands it to the actor that owns it.
        {"$set": {"kill": {"reason": reason, "time": moment}}}
        | ({} if job.status in ON_CLUSTER else {"$min": {"ring_at": moment}}),
    )
    return bool(changed.modified_count)


def dump(job: Job) -> dict[str, Any]:
    """The job as JSON data: Genie's fields, and ours."""
    ended = job.finished or now()
    shown: dict[str, Any] = {
        "id": job.id,
        "name": job.name,
        "user": job.user,
        "version": job.version,
        "tags": sorted({*job.tags, ID_TAG + job.id, NAME_TAG + job.name}),
        "tagGroup": job.tag_group,
        "priority": job.priority,
        "status": str(job.status),
        "statusMsg": job.status_message,
        "created": job.created,
        "updated": job.updated,
        "started": job.started,
        "finished": job.finished,
        "runtime": _iso_duration((ended - job.started).total_seconds()) if job.started else "PT0S",
        "commandId": job.command_id,
        "commandName": job.command_name,
        "clusterId": job.cluster_id,
        "clusterName": job.cluster_name,
        "applications": list(job.applications),
        "timeout": job.timeout,
        "memory": job.memory,
        "cpu": job.cpu,
        "attempt": job.attempt,
        "stepId": job.step_id,
        "exitCode": job.exit_code,
        "failure": job.failure,
        "probableCause": job.diagnosis.cause if job.diagnosis else None,
        "stderrTail": job.diagnosis.stderr_tail if job.diagnosis else None,
        "archiveLocation": job.archive_location,
        "archiveStatus": job.archive_status,
        "archiveMessage": job.archive_message,
        "killRequested": job.kill.reason if job.kill else None,
        "stagedFiles": [
            {
                "source": file.source,
                "target": file.target,
                "checksum": file.checksum,
                "size": file.size,
            }
            for file in job.staged_files
        ],
        "history": [
            {
                "status": str(entry.status),
                "time": entry.time,
                "message": entry.message,
                "worker": entry.worker,
            }
            for entry in job.history
        ],
        "rationale": job.rationale(),
    }
    if job.status is not JobStatus.INVALID:
        request = json.loads(job.request_json)
        shown |= {
            name: request.get(name)
            for name in ("commandArgs", "grouping", "groupingInstance", "description", "metadata")
        }
    return {name: _json(value) for name, value in shown.items() if value is not None}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_json(part) for part in value]
    return value


def _iso_duration(seconds: float) -> str:
    """ISO 8601, as Genie writes a run time: `PT1H2M3.5S`."""
    minutes, rest = divmod(max(0.0, seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return (
        f"PT{f'{hours}H' if hours else ''}{f'{minutes}M' if minutes else ''}{rest:.3f}".rstrip(
            "0"
        ).rstrip(".")
        + "S"
    )
