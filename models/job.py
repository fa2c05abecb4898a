"""The job in MongoDB: its document."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, ClassVar

import mongoengine as me

from .resources import Engine, JobRequest
from .schemas import load_job_request
from .states import JobStatus


class _Part(me.EmbeddedDocument):
    """A part of a job's document; what a newer version of the fleet has added is left alone."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True, "strict": False}


class HistoryEntry(_Part):
    """One change of a job's status."""

    status: JobStatus = me.EnumField(JobStatus, required=True)
    time: datetime = me.DateTimeField(required=True)
    message: str = me.StringField(required=True)
    worker: str | None = me.StringField()


class StagedFileDocument(_Part):
    """A file that was staged for the job."""

    source: str = me.StringField(required=True)
    target: str = me.StringField(required=True)
    checksum: str = me.StringField(required=True)
    size: int = me.LongField(required=True)


class StepDocument(_Part):
    """What is handed to EMR for the job; written once, when the job is accepted."""

    jar: str = me.StringField(required=True)
    arguments: list[str] = me.ListField(me.StringField())


class EngineOfJob(_Part):
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


class KillRequest(_Part):
    """Somebody, or the job's time-out, asked for its end; whoever owns the job acts on it."""

    reason: str = me.StringField(required=True)
    time: datetime = me.DateTimeField(required=True)
    #: When the cluster was last asked to stop the step.
    sent: datetime | None = me.DateTimeField()
    #: Whether it was asked to kill it, after interrupting it did not help.
    hard: bool = me.BooleanField(default=False)
    #: The step that stops the YARN applications which the job's own step left behind.
    yarn_step_id: str | None = me.StringField()
    #: How many such steps there were.
    yarn_tries: int = me.IntField(default=0)


class AttemptDocument(_Part):
    """A run of the job that was lost with its cluster."""

    number: int = me.IntField(required=True)
    cluster_id: str | None = me.StringField()
    step_id: str | None = me.StringField()
    cause: str = me.StringField(required=True)
    ended: datetime = me.DateTimeField(required=True)


class Diagnosis(_Part):
    """Why a job failed, as far as its logs say."""

    cause: str = me.StringField(required=True)
    #: The last lines of stderr.
    stderr_tail: str = me.StringField()


class Job(me.Document):
    """A job: what was asked for, where it is, and what became of it."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "jobs",
        # While a fleet is upgraded, its older workers read what the newer ones write.
        "strict": False,
        "auto_create_index": False,
        "indexes": [
            {"fields": ["emr_cluster_id", "status"]},
            {"fields": ["status"]},
            {"fields": ["ring_at"], "sparse": True},
            {"fields": ["step_id"], "sparse": True},
            {"fields": ["finished"], "sparse": True},
            {"fields": ["pool", "finished"], "sparse": True},
            {"fields": ["-created"]},
            {"fields": ["updated"]},
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
    #: What its producer groups it by; to be searched for.
    grouping: str | None = me.StringField()
    grouping_instance: str | None = me.StringField()
    tag_group: str = me.StringField(required=True)
    priority: int = me.IntField(required=True)

    status: JobStatus = me.EnumField(JobStatus, required=True)
    status_message: str = me.StringField(required=True)
    history: list[HistoryEntry] = me.EmbeddedDocumentListField(HistoryEntry)
    created: datetime = me.DateTimeField(required=True)
    updated: datetime = me.DateTimeField(required=True)
    started: datetime | None = me.DateTimeField()
    finished: datetime | None = me.DateTimeField()
    #: How long it may wait for a cluster and for a slot there, in seconds, and until when that is.
    queue_seconds: float = me.FloatField(default=86_400.0)
    queue_until: datetime | None = me.DateTimeField()
    #: Why it waits for a cluster, while it does.
    queue_reason: str | None = me.StringField()
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
    #: What the rules made of the request, as JSON text; absent where they changed nothing.
    decided_json: str | None = me.StringField()
    #: The rules that decided: what their set is told apart by, its version if it was applied, and the
    #: names of those that had a say.
    rules_digest: str | None = me.StringField()
    rules_version: int | None = me.IntField()
    rules: list[str] = me.ListField(me.StringField())
    #: The pool that the route names, if it names one.
    pool: str | None = me.StringField()
    #: The limit that holds it, while one does: which count is at its ceiling, and in words.
    held_by: str | None = me.StringField()
    #: Why it was routed there, as JSON text.
    rationale_json: str | None = me.StringField()
    #: In seconds, MB and cores: what was asked for, or the defaults.
    timeout: int | None = me.IntField()
    memory: int | None = me.IntField()
    cpu: int | None = me.IntField()

    engine: EngineOfJob | None = me.EmbeddedDocumentField(EngineOfJob)
    #: EMR's id of the cluster: the key of the reconcile pass that owns the job from ACCEPTED on.
    emr_cluster_id: str | None = me.StringField()
    #: The cluster's status when the job was routed there: where it changes, the job is routed anew.
    cluster_status: str | None = me.StringField()
    step: StepDocument | None = me.EmbeddedDocumentField(StepDocument)
    staged_files: list[StagedFileDocument] = me.EmbeddedDocumentListField(StagedFileDocument)
    #: Which run of the job this is; a submission that never arrived is no run.
    attempt: int = me.IntField(default=1)
    #: The runs before this one, and why each was lost.
    attempts: list[AttemptDocument] = me.EmbeddedDocumentListField(AttemptDocument)
    #: Whether it may be run again when its cluster was lost.
    idempotent: bool = me.BooleanField(default=False)
    #: The lease's epoch under which the submission was intended.
    epoch: int | None = me.IntField()
    claimed: datetime | None = me.DateTimeField()
    #: When the first submission was intended that seemed never to have reached the cluster: if it did
    #: after all, the cluster has two steps of this job's name.
    doubted_since: datetime | None = me.DateTimeField()
    #: Since when EMR shows no step of the job's id, and when it is asked for that one again.
    unseen_since: datetime | None = me.DateTimeField()
    look_at: datetime | None = me.DateTimeField()
    #: The cluster's further steps of this job's name.
    other_steps: list[str] = me.ListField(me.StringField())
    step_id: str | None = me.StringField()
    exit_code: int | None = me.IntField()
    kill: KillRequest | None = me.EmbeddedDocumentField(KillRequest)
    failure: str | None = me.StringField()
    diagnosis: Diagnosis | None = me.EmbeddedDocumentField(Diagnosis)
    archive_location: str | None = me.StringField()
    #: PENDING, ARCHIVED, DISABLED, NONE (it never ran), or FAILED; archive_message says why.
    archive_status: str | None = me.StringField()
    archive_message: str | None = me.StringField()

    def request(self) -> JobRequest:
        """What was asked for."""
        return load_job_request(json.loads(self.request_json))

    def decided_request(self) -> JobRequest:
        """What was asked for, with what the rules filled in and forced."""
        return load_job_request(json.loads(self.decided_json or self.request_json))

    def rationale(self) -> dict[str, Any] | None:
        """Why it was routed where it was, or why it was not."""
        return dict(json.loads(self.rationale_json)) if self.rationale_json else None
