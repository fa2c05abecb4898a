"""What a store can do, whichever it is, and how it fails."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from ..errors import Fatal, Retryable

#: What `read_bytes` reads at most unless it is told otherwise. It is for small files: whatever is
#: larger is read from its end, or streamed.
READ_BYTES: Final = 16 * 1024 * 1024

#: What is in memory at once of a file that is streamed, in bytes.
CHUNK_BYTES: Final = 1024 * 1024


class StorageError(Fatal):
    """The store says no, and will say so again.

    Arguments:
        uri: The file.
        why: The reason, in words.
    """

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(f"{uri}: {why}")
        self.uri, self.why = uri, why


class FileMissing(StorageError):
    """There is no such file, or no such bucket."""


class AccessRefused(StorageError):
    """The file may not be read, or not be written, by this process."""


class StorageUnavailable(Retryable):
    """The store does not answer, or not now.

    Arguments:
        uri: The file.
        why: The reason, in words.
    """

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(f"{uri}: {why}")
        self.uri, self.why = uri, why


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file that a store holds."""

    #: Its whole address: `s3://bucket/key`, or an absolute path.
    uri: str
    #: Its name within the storage that was asked.
    name: str
    #: In bytes.
    size: int
    #: Changes when the content does: `etag:...` in S3; `sha256:...` in a folder, where a listing
    #: leaves it out because it would have to read every file.
    checksum: str | None = None


class Storage(ABC):
    """A store, below one address. Names are relative, with `/` between their parts.

    Serves any number of threads. Every method may raise FileMissing or AccessRefused (it will not
    work however often it is tried), another StorageError, or StorageUnavailable (it may work
    later).
    """

    @abstractmethod
    def uri(self, name: str) -> str:
        """The whole address of a name."""

    @abstractmethod
    def head(self, name: str) -> StoredFile | None:
        """The file of this name, with its checksum; None when there is none."""

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return self.head(name) is not None

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[StoredFile]:
        """The files whose names begin with the prefix, in the order of their names."""

    @abstractmethod
    def read_bytes(self, name: str, limit: int = READ_BYTES) -> bytes:
        """The whole content of a small file.

        Arguments:
            limit: In bytes; a larger file is a StorageError.
        """

    @abstractmethod
    def read_tail(self, name: str, limit: int) -> bytes:
        """The end of a file: so many bytes at most, 1 at least."""

    @abstractmethod
    def download(self, name: str, target: BinaryIO) -> None:
        """Write the content of a file of any size to a stream."""

    @abstractmethod
    def put_bytes(self, name: str, content: bytes) -> None:
        """Make this the content of the file, at once and whole."""

    @abstractmethod
    def put_if_absent(self, name: str, content: bytes) -> bool:
        """The same, unless the file exists; of any number who try, one succeeds.

        Returns whether this call made the file. False may also mean that it did, and that the
        answer was lost: a caller who must know puts a content of its own, and reads it back.
        """

    @abstractmethod
    def upload(self, name: str, content: BinaryIO) -> None:
        """Make a seekable stream, from its beginning, the content of the file.

        In memory there is only a part of it at a time. The stream may be closed afterwards.
        """

    @abstractmethod
    def can_copy(self, uri: str) -> bool:
        """Whether `copy_from` takes a file of this address: one of the same kind of store."""

    @abstractmethod
    def copy_from(self, source: StoredFile, name: str) -> None:
        """Copy a file of the same kind of store, by the store itself: no byte comes through here.

        Raises:
            StorageUnavailable: Also when the source has changed since it was looked at.
        """

    @abstractmethod
    def is_copy(self, name: str, source: StoredFile) -> bool:
        """Whether the file of this name has the content of the source already.

        Arguments:
            source: As `head` has told it, with its checksum.
        """
