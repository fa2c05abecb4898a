"""Pieces of a job's log, by where they begin and end in bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...models.job import Job
from ...models.job_logs import logs_of, read_log
from ...models.storage import Storage, StorageError, StoredFile
from .job_files import awaits_logs, log_size, logs_at
from .services import Services

STREAMS: Final = ("stdout", "stderr")

#: What one piece may hold, in bytes.
MOST_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a log."""

    begin: int
    content: bytes
    #: How long the log is now.
    size: int
    #: Whether more may come.
    goes_on: bool

    @property
    def end(self) -> int:
        """Where the next piece begins."""
        return self.begin + len(self.content)


def piece_at(door: Services, job: Job, stream: str, offset: int) -> Piece:
    """What a log has from an offset on, as much as one piece may hold; empty where there is nothing yet."""
    goes_on = not job.status.is_terminal or awaits_logs(job)
    found = _parts(door, job, stream)
    if found is None:
        return Piece(offset, b"", 0, goes_on)
    storage, parts = found
    size = sum(log_size(storage, part) for part in parts)
    if offset >= size:
        return Piece(size, b"", size, goes_on)
    content = _read(storage, parts, stream, offset, size)
    return Piece(offset, content[:MOST_BYTES], size, goes_on)


def tail_at(door: Services, job: Job, stream: str, lines: int) -> int:
    """The offset of the last lines of a log, as far back as one piece reaches."""
    size = piece_at(door, job, stream, 2**62).size
    begin = max(0, size - MOST_BYTES)
    content = piece_at(door, job, stream, begin).content
    if lines == 0:
        return begin + len(content)
    kept = content.splitlines(keepends=True)[-lines:]
    return begin + len(content) - sum(map(len, kept))


def _parts(door: Services, job: Job, stream: str) -> tuple[Storage, list[StoredFile]] | None:
    try:
        storage = logs_at(door, job)
        parts = logs_of(list(storage.list()), stream) if storage else []
    except StorageError:
        return None  # nothing was ever written there
    return (storage, parts) if storage and parts else None


def _read(storage: Storage, parts: list[StoredFile], stream: str, offset: int, size: int) -> bytes:
    if len(parts) == 1 and not parts[0].name.endswith(".gz") and size - offset <= MOST_BYTES:
        return storage.read_tail(parts[0].name, size - offset)
    return b"".join(_from(read_log(storage, stream), offset))


def _from(pieces: Iterator[bytes], offset: int) -> Iterator[bytes]:
    """What is behind the offset, until a piece is full."""
    length = 0
    for piece in pieces:
        rest = piece[offset:] if offset < len(piece) else b""
        offset = max(0, offset - len(piece))
        if rest:
            yield rest
            length += len(rest)
        if length >= MOST_BYTES:
            return
