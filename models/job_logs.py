"""Reads the logs of a job, where EMR left them or where they were archived."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator

from .storage import Storage, StoredFile

#: What is in memory at once of a log, in bytes.
CHUNK_BYTES = 256 * 1024


def logs_of(files: list[StoredFile], stream: str) -> list[StoredFile]:
    """The files of `stdout`, `stderr` or `controller`, the oldest part first.

    EMR rotates long logs (`stderr.2018-12-06-21.gz`, as mrjob's log parser knows them) and keeps
    the newest part under the plain name.
    """
    parts = [file for file in files if file.name.rpartition("/")[2].partition(".")[0] == stream]
    return sorted(parts, key=lambda file: (file.name.endswith((f"{stream}.gz", stream)), file.name))


def read_log(storage: Storage, stream: str) -> Iterator[bytes]:
    """The content of a log, piece by piece.

    Arguments:
        storage: The job's own part of the archive (its `archiveLocation`).
    """
    for file in logs_of(list(storage.list()), stream):
        yield from _pieces(storage, file)


def read_tail(storage: Storage, files: list[StoredFile], stream: str) -> str | None:
    """The last CHUNK_BYTES of a log; None where there is no such log."""
    parts = logs_of(files, stream)
    if not parts:
        return None
    tail = b""
    for piece in _pieces(storage, parts[-1]):
        tail = (tail + piece)[-CHUNK_BYTES:]
    return tail.decode("utf-8", "replace")


def _pieces(storage: Storage, file: StoredFile) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as spooled:
        storage.download(file.name, spooled)
        spooled.seek(0)
        if not file.name.endswith(".gz"):
            yield from iter(lambda: spooled.read(CHUNK_BYTES), b"")
            return
        with gzip.open(spooled) as content:
            try:
                yield from iter(lambda: content.read(CHUNK_BYTES), b"")
            except (EOFError, zlib.error, gzip.BadGzipFile):
                return  # cut off: what came before it was read
