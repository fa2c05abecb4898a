"""A job's files: its logs, from the archive or from where EMR left them, and what was staged for it."""

from __future__ import annotations

import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from ...models import jobs
from ...models.job import Job
from ...models.job_logs import read_log
from ...models.staging_names import job_folder
from ...models.states import JobStatus
from ...models.storage import Storage, StorageError, StoredFile
from .services import Services

#: Where each log of a step stands among a job's files, in Genie's way.
PLACES: Final = {"stdout": "stdout", "stderr": "stderr", "controller": "genie/logs/genie.log"}

#: Why a job never reached a cluster; Genie's name for it.
INIT_FAILURE: Final = "initFailureDetails.txt"

#: How long the logs of a job that has ended are waited for, and how often they are looked for, in seconds.
WAIT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class JobFile:
    """One of a job's files."""

    #: Its path among the job's files.
    name: str
    #: In bytes, as it is read: not compressed.
    size: int
    #: Writes the content to a stream.
    write_to: Callable[[BinaryIO], None]

    def open(self) -> BinaryIO:
        """The content as a temporary file, which is gone when it is closed."""
        spooled = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked closes it
        try:
            self.write_to(spooled)
        except BaseException:
            spooled.close()
            raise
        return spooled


def awaits_logs(job: Job) -> bool:
    """Whether the job has ended, and its logs are on their way."""
    return (
        job.status.is_terminal
        and job.step_id is not None
        and job.archive_status in (None, "PENDING")
    )


def files_once_logged(services: Services, job: Job, path: str) -> tuple[Job, dict[str, JobFile]]:
    """The job and its files; where its logs are on their way, as it is when they have come.

    A client that sees a job end asks for its output at once. What is there already is not waited for,
    nor is anything for longer than WAIT_SECONDS.

    Arguments:
        path: What is asked for.
    """
    end = time.monotonic() + WAIT_SECONDS
    while True:
        files = files_of(services, job)
        has_come = path in files or not files.keys().isdisjoint(PLACES.values())
        if has_come or not awaits_logs(job) or time.monotonic() > end:
            return job, files
        time.sleep(LOOK_SECONDS)
        job = jobs.get(job.id)


def files_of(services: Services, job: Job) -> dict[str, JobFile]:
    """All files of a job, by their paths."""
    found = {file.name: file for file in _staged(services, job)}
    found |= {file.name: file for file in _logs(services, job)}
    if job.status in (JobStatus.FAILED, JobStatus.INVALID) and not job.step_id:
        found[INIT_FAILURE] = _text(INIT_FAILURE, f"{job.status_message}\n")
    if not job.status.is_terminal:
        # Genie's clients read these from the beginning.
        for name in ("stdout", "stderr"):
            found.setdefault(name, _text(name, ""))
    return dict(sorted(found.items()))


def logs_at(services: Services, job: Job) -> Storage | None:
    """Where the job's logs are: in the archive, or where EMR left them; None where there are none."""
    if job.archive_location:
        return services.open(job.archive_location)
    if not job.step_id or not job.engine or not job.engine.log_uri:
        return None
    where = f"{job.engine.log_uri.rstrip('/')}/{job.emr_cluster_id}/steps/{job.step_id}"
    return services.open(where)


def _logs(services: Services, job: Job) -> Iterator[JobFile]:
    storage = logs_at(services, job)
    if storage is None:
        return
    streams: dict[str, list[StoredFile]] = {}
    for file in storage.list():
        stream = file.name.rpartition("/")[2].partition(".")[0]
        streams.setdefault(stream, []).append(file)
    for stream, parts in streams.items():
        name = PLACES.get(stream, f"genie/logs/{stream}")
        size = sum(log_size(storage, part) for part in parts)
        yield JobFile(name, size, _writes_log(storage, stream))


def _writes_log(storage: Storage, stream: str) -> Callable[[BinaryIO], None]:
    def write(target: BinaryIO) -> None:
        for piece in read_log(storage, stream):
            target.write(piece)

    return write


def log_size(storage: Storage, part: StoredFile) -> int:
    """How long a part of a log is when it is read, in bytes."""
    if not part.name.endswith(".gz"):
        return part.size
    # gzip's last four bytes say how long the content is (RFC 1952), up to 4 GiB.
    tail = storage.read_tail(part.name, 4)
    return int(struct.unpack("<I", tail)[0]) if len(tail) == 4 else 0


def _staged(services: Services, job: Job) -> Iterator[JobFile]:
    if not services.settings.staging_url or job.status is JobStatus.INVALID:
        return
    storage, folder = services.staging, f"{job_folder(job.id)}/"
    try:
        files = list(storage.list(folder))
    except StorageError:
        return  # nothing was ever staged there
    for file in files:
        yield JobFile(file.name.removeprefix(folder), file.size, _downloads(storage, file.name))


def _downloads(storage: Storage, name: str) -> Callable[[BinaryIO], None]:
    return lambda target: storage.download(name, target)


def _text(name: str, text: str) -> JobFile:
    content = text.encode()

    def write(target: BinaryIO) -> None:
        target.write(content)

    return JobFile(name, len(content), write)
