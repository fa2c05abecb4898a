"""A file on its way through this worker: on disk, never in memory, and hashed as it comes in."""

from __future__ import annotations

import hashlib
import tempfile
from types import TracebackType
from typing import BinaryIO, cast

from ...models.errors import StagingFailed
from .sources import shown


class Spool:
    """A temporary file that knows the size and the SHA-256 of what was written to it.

    Arguments:
        source: Where the content comes from, for the error.
        limit: The largest size, in bytes.
    """

    def __init__(self, source: str, limit: int) -> None:
        self._source, self._limit = source, limit
        self._digest = hashlib.sha256()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        #: In bytes.
        self.size = 0

    @property
    def sha256(self) -> str:
        """The digest of what was written so far, in hexadecimal."""
        return self._digest.hexdigest()

    @property
    def content(self) -> BinaryIO:
        """What was written, to be read from its beginning."""
        return cast(BinaryIO, self._file)

    def write(self, data: bytes) -> int:
        """Add bytes.

        Raises:
            StagingFailed: They are more than the limit.
        """
        self.size += len(data)
        if self.size > self._limit:
            raise too_large(self._source, self._limit)
        self._digest.update(data)
        return self._file.write(data)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def too_large(source: str, limit: int) -> StagingFailed:
    """What a source of more than `limit` bytes is refused with."""
    return StagingFailed(shown(source), f"it is larger than {limit} bytes")
