"""The end of a job's log, as its page shows it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from ....models.job import Job
from ....models.job_logs import CHUNK_BYTES, logs_of, read_tail
from ....models.storage import Storage, StorageError
from ..job_files import awaits_logs, logs_at
from ..services import Services

log = logging.getLogger(__name__)

STREAMS: Final = ("stdout", "stderr")

#: How many lines a page shows.
LINES: Final = 200

#: A compressed log is read whole to show its end; a larger one, in bytes, is left to whoever wants it.
MOST_COMPRESSED: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogTail:
    """The end of a log."""

    stream: str
    text: str = ""
    #: Why there is nothing to show.
    why_empty: str = ""
    #: Whether more may come.
    goes_on: bool = False


def tail_of(door: Services, job: Job, stream: str) -> LogTail:
    """The last lines of one of a job's logs."""
    goes_on = not job.status.is_terminal or awaits_logs(job)
    if not job.step_id:
        why = "It never ran." if job.status.is_terminal else "It has not started yet."
        return LogTail(stream, why_empty=why, goes_on=goes_on)
    try:
        storage = logs_at(door, job)
        text = _end_of(storage, stream) if storage else None
    except StorageError as error:
        log.info(f"No log of job {job.id}: {error}", extra={"job": job.id})
        return LogTail(stream, why_empty=_why_none(job), goes_on=goes_on)
    if text is None:
        return LogTail(stream, why_empty=_why_none(job), goes_on=goes_on)
    lines = text.splitlines()[-LINES:]
    return LogTail(stream, "\n".join(lines), "" if lines else f"Nothing on {stream}.", goes_on)


def _end_of(storage: Storage, stream: str) -> str | None:
    """The end of a log; None where there is none that can be shown."""
    files = list(storage.list())
    parts = logs_of(files, stream)
    if not parts:
        return None
    if not parts[-1].name.endswith(".gz"):
        end = storage.read_tail(parts[-1].name, CHUNK_BYTES) if parts[-1].size else b""
        return end.decode("utf-8", "replace")
    if parts[-1].size > MOST_COMPRESSED:
        return "(Too long to be shown here.)"
    return read_tail(storage, files, stream)


def _why_none(job: Job) -> str:
    if not job.status.is_terminal:
        return "Nothing yet: EMR copies logs within minutes."
    if awaits_logs(job):
        return "On its way: EMR copies logs within minutes."
    return job.archive_message or "There is no such log."
