"""Reads the archived logs of a job."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from .storage import Storage


def read_log(archive: Storage, stream: str) -> Iterator[str]:
    """The text of `stdout`, `stderr` or `controller`, older parts first.

    Arguments:
        archive: The job's own part of the archive (its `archiveLocation`).
    """
    # EMR rotates long logs (`stderr.2018-12-06-21.gz`) and keeps the newest under the plain name.
    names = [name for name in archive.names(stream) if name.partition(".")[0] == stream]
    for name in sorted(names, key=lambda name: (name == f"{stream}.gz", name)):
        yield decompressed(archive.read(name)).decode("utf-8", "replace")


def decompressed(content: bytes) -> bytes:
    """The content of a gzip file; what can be read of it when it was cut off."""
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        return reader.decompress(content)
    except zlib.error:
        return content
