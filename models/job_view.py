"""The job as it is shown: Genie's fields, and ours, as JSON data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .database import now
from .job import Job
from .resources import ID_TAG, NAME_TAG
from .states import JobStatus


def dump(job: Job, queue: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The job as JSON data: Genie's fields, and ours.

    Arguments:
        queue: What it waits for, while it does (see waiting.queues_of).
    """
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
        "queue": dict(queue) if queue else None,
        "attempt": job.attempt,
        "attempts": [
            {
                "attempt": each.number,
                "clusterId": each.cluster_id,
                "stepId": each.step_id,
                "cause": each.cause,
                "ended": each.ended,
            }
            for each in job.attempts
        ]
        or None,
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
        "rules": {
            "digest": job.rules_digest,
            "version": job.rules_version,
            "names": list(job.rules),
            "pool": job.pool,
            "changed": _changed(job),
        }
        if job.rules_digest
        else None,
        "rationale": job.rationale(),
    }
    # A list reads jobs without their requests.
    if job.status is not JobStatus.INVALID and job.request_json:
        request = json.loads(job.request_json)
        shown |= {
            name: request.get(name)
            for name in ("commandArgs", "grouping", "groupingInstance", "description", "metadata")
        }
    return {name: _json(value) for name, value in shown.items() if value is not None}


def _changed(job: Job) -> dict[str, Any]:
    """What the rules filled in and forced."""
    if not job.decided_json:
        return {}
    asked, runs = json.loads(job.request_json), json.loads(job.decided_json)
    return {name: value for name, value in runs.items() if asked.get(name) != value}


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
