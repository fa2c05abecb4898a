"""What listeners outside are told of a job (contract, section 4)."""

from __future__ import annotations

import uuid
from typing import Any

from ..models.database import now
from ..models.job import Job
from ..models.states import JobStatus
from .bus import Event

#: AMQP's limit of a routing key is 255 bytes.
_ID_IN_KEY = 230


def end_event(job: Job) -> Event:
    """The event of a job that has ended."""
    before = job.history[-2].status if len(job.history) > 1 else JobStatus.RESERVED
    return status_event(
        job.id, before, job.status, statusMsg=job.status_message, clusterId=job.cluster_id
    )


def status_event(job_id: str, before: JobStatus, after: JobStatus, **details: Any) -> Event:
    """The event of one change of status; JOB_FINISHED when it is the last one."""
    body = {
        "type": "JOB_FINISHED" if after.is_terminal else "JOB_STATUS_CHANGE",
        "id": str(uuid.uuid4()),
        "timestamp": now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "details": {"jobId": job_id, "fromState": str(before), "toState": str(after), **details},
    }
    shortened = job_id.encode()[:_ID_IN_KEY].decode(errors="ignore")
    return Event(f"job.{after}.{shortened}", body)
