"""Ends a job for good: archives its logs, says why it failed, tells who listens."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from pymongo import UpdateOne

from ..models import jobs
from ..models.database import now
from ..models.errors import Fatal, Retryable
from ..models.job import Job
from ..models.job_logs import read_tail
from ..models.states import JobStatus
from ..models.storage import Storage, StoredFile, open_storage
from ..monitoring import recorder
from ..monitoring.logs import log_context
from .diagnosis import exit_code_of, explain
from .events import end_event
from .fleet import Fleet

log = logging.getLogger(__name__)

#: When EMR's logs are looked for, after the end of the step: EMR copies them to S3 every 5 minutes
#: (EMR management guide, "View log files"), and at once when the step ended in its last pass.
LOG_PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=10))

#: The logs that a diagnosis reads.
STREAMS = ("stderr", "stdout", "controller")


def finish(fleet: Fleet, job_ids: Iterable[str]) -> None:
    """Finish jobs that have ended; a second delivery finds nothing left to do."""
    updates, events = [], []
    for job in jobs.get_all(job_ids):
        if not job.status.is_terminal or job.ring_at is None:
            continue
        with log_context(job_id=job.id, tag_group=job.tag_group):
            updates.append(UpdateOne({"_id": job.id}, _finished(fleet, job)))
            if job.archive_status is None:
                events.append(end_event(job))
                _record(job)
    # Told before it is noted: rather twice than never.
    if events:
        fleet.bus.tell(events)
    if updates:
        Job._get_collection().bulk_write(updates, ordered=False)


def _record(job: Job) -> None:
    ran = (job.finished - job.started).total_seconds() if job.started and job.finished else None
    recorder.record_end(
        status=str(job.status), cluster=job.cluster_name, tag_group=job.tag_group, run_seconds=ran
    )


def _finished(fleet: Fleet, job: Job) -> dict[str, Any]:
    """What is to be written of the job; asks for another look when its logs are not there yet."""
    if not job.step_id:
        done = {"archive_status": "NONE", "archive_message": "it never reached a cluster"}
        return {"$set": done, "$unset": {"ring_at": ""}}
    if not (job.engine and job.engine.log_uri):
        return _without_logs(job, "the cluster has no logUri")
    where = f"{job.engine.log_uri.rstrip('/')}/{job.emr_cluster_id}/steps/{job.step_id}"
    try:
        source = open_storage(where, fleet.clients)
        files = list(source.list())
        if not files and (pause := _next_look(job)):
            log.info(
                f"EMR has no logs of step {job.step_id} yet.", extra={"action": "logs-awaited"}
            )
            return {"$set": {"archive_status": "PENDING", "ring_at": now() + pause}}
        if not files:
            return _without_logs(job, f"EMR left no logs at {where}")
        return _with_logs(fleet, job, source, files)
    except Retryable as error:
        log.warning(f"Not archived yet: {error}", extra={"action": "archive-delayed"})
        return {"$set": {"archive_status": "PENDING", "ring_at": now() + LOG_PAUSES[0]}}
    except (Fatal, ValueError) as error:
        # Archiving may fail without failing the job.
        log.warning(f"Not archived: {error}", extra={"action": "archive-failed"})
        return _without_logs(job, str(error))


def _next_look(job: Job) -> timedelta | None:
    ended = job.finished or now()
    return next((due - now() for pause in LOG_PAUSES if (due := ended + pause) > now()), None)


def _with_logs(fleet: Fleet, job: Job, source: Storage, files: list[StoredFile]) -> dict[str, Any]:
    done: dict[str, Any] = {"archive_status": "DISABLED"}
    if not job.request().disable_log_archival:
        for file in files:
            _archive(fleet.archive, source, file, f"{job.id}/{file.name}")
        done = {"archive_status": "ARCHIVED", "archive_location": fleet.archive.uri(job.id)}
    tails = {
        stream: tail for stream in STREAMS if (tail := read_tail(source, files, stream)) is not None
    }
    if (code := exit_code_of(tails.get("controller", ""))) is not None:
        done["exit_code"] = code
    return {"$set": done | _diagnosis(job, tails), "$unset": {"ring_at": ""}}


def _archive(archive: Storage, source: Storage, file: StoredFile, name: str) -> None:
    if archive.can_copy(file.uri):
        archive.copy_from(source.head(file.name) or file, name)
        return
    with tempfile.TemporaryFile() as spooled:
        source.download(file.name, spooled)
        spooled.seek(0)
        archive.upload(name, spooled)


def _without_logs(job: Job, why: str) -> dict[str, Any]:
    done = {"archive_status": "FAILED", "archive_message": why}
    return {"$set": done | _diagnosis(job, {}), "$unset": {"ring_at": ""}}


def _diagnosis(job: Job, tails: dict[str, str]) -> dict[str, Any]:
    if job.status is not JobStatus.FAILED:
        return {}
    found = explain(job.failure, tails)
    log.info(f"Probable cause: {found.cause}", extra={"action": "diagnosed"})
    return {"diagnosis": {"cause": found.cause, "stderr_tail": found.stderr_tail}}
