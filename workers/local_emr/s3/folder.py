"""Buckets and keys as folders and files."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from ..errors import AwsError
from ..web import CHUNK_BYTES

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

#: The root's own folder for what is not an object yet; no bucket can have such a name.
UPLOADS: Final = ".uploads"


#: The longest part of a key, in bytes: Linux takes 255, and Hadoop's checksum of a file is called `.NAME.crc`.
LONGEST_NAME: Final = 250

#: The longest key, in bytes (S3 user guide, "Naming objects").
LONGEST_KEY: Final = 1024

#: How often an object is moved into a folder that others remove at the same time.
PUBLISH_ATTEMPTS: Final = 10


class Readable(Protocol):
    """Whatever content comes from: a file, or the body of a request."""

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of an object."""

    path: Path
    size: int
    modified: float
    etag: str


class BucketFolder:
    """All buckets, below one folder that other programs may read and write too.

    Objects appear at once and whole: they are written beside and moved into place.

    Arguments:
        root: The folder; it is made when there is none.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.uploads = self.root / UPLOADS
        self.uploads.mkdir(parents=True, exist_ok=True)
        #: MD5 of files by what changes when their content does, to read each only once.
        self._etags: dict[Path, tuple[tuple[int, int, int], str]] = {}
        self._etags_lock = threading.Lock()
        #: Held where an object must not change between the look at it and its replacement.
        self._publishing = threading.Lock()

    def bucket_path(self, bucket: str) -> Path:
        """Where a bucket would be; refuses what cannot be one."""
        if not _BUCKET.fullmatch(bucket) or ".." in bucket:
            raise AwsError("InvalidBucketName", "The specified bucket is not valid.")
        return self.root / bucket

    def bucket(self, bucket: str) -> Path:
        """Where a bucket is; refuses one that does not exist."""
        path = self.bucket_path(bucket)
        if not path.is_dir():
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        return path

    def object_path(self, bucket: str, key: str) -> Path:
        """Where an object would be; refuses keys that no file below the bucket can have."""
        parts = key.split("/")
        if any(part in ("", ".", "..") for part in parts) or "\0" in key:
            message = "A key of the local S3 must be a plain relative path."
            raise AwsError("InvalidArgument", message)
        too_long = len(os.fsencode(key)) > LONGEST_KEY
        if too_long or any(len(os.fsencode(part)) > LONGEST_NAME for part in parts):
            raise AwsError("KeyTooLongError", "Your key is too long")
        return self.bucket(bucket).joinpath(*parts)

    def stored(self, bucket: str, key: str) -> Stored:
        """What is known of an object; refuses one that does not exist."""
        # A key that ends in "/" is a folder here, and never an object.
        if key.endswith("/"):
            raise no_such_key()
        return self.describe(self.object_path(bucket, key))

    def describe(self, path: Path) -> Stored:
        """The same, by its path."""
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise no_such_key() from None
        if not path.is_file():
            raise no_such_key()
        fingerprint = (status.st_mtime_ns, status.st_size, status.st_ino)
        with self._etags_lock:
            known = self._etags.get(path)
        if known is None or known[0] != fingerprint:
            with path.open("rb") as file:
                known = (fingerprint, hashlib.file_digest(file, "md5").hexdigest())
            with self._etags_lock:
                self._etags[path] = known
        return Stored(path, status.st_size, status.st_mtime, f'"{known[1]}"')

    @contextmanager
    def draft(self) -> Iterator[BinaryIO]:
        """A file to write to, which is gone at the end unless it was published."""
        with tempfile.NamedTemporaryFile(prefix="draft-", dir=self.uploads, delete=False) as file:
            try:
                yield file  # type: ignore[misc]  # it has all that BinaryIO has, and its name
            finally:
                Path(file.name).unlink(missing_ok=True)

    def publish(
        self, draft: BinaryIO, path: Path, *, only_if_absent: bool, only_if: str | None = None
    ) -> None:
        """Make a draft the content of an object.

        Arguments:
            draft: The content.
            path: The object.
            only_if_absent: Whether the object must not exist yet.
            only_if: The ETag that it must have.
        """
        draft.flush()
        try:
            with self._publishing:
                if only_if is not None and only_if not in (self.describe(path).etag, "*"):
                    raise precondition_failed()
                self._move_into_place(draft.name, path, only_if_absent=only_if_absent)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            if only_if_absent and path.is_file():
                raise precondition_failed() from None
            message = "In the local S3 a key cannot be both an object and a folder of others."
            raise AwsError("InvalidArgument", message) from None
        _forget_checksum(path)

    def remove(self, path: Path) -> None:
        """Delete an object, and the folders that it leaves empty; nothing when there is none."""
        try:
            with self._publishing:
                path.unlink()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
            # Linux says IsADirectoryError for a folder, macOS PermissionError.
            return
        _forget_checksum(path)
        with self._etags_lock:
            self._etags.pop(path, None)
        for folder in path.parents:
            if folder.parent == self.root:
                return
            try:
                folder.rmdir()
            except OSError:
                return

    def _move_into_place(self, draft: str, path: Path, *, only_if_absent: bool) -> None:
        # A link, unlike a move, is refused by the system when the name is taken:
        # of two who come at the same time, one fails.
        put = os.link if only_if_absent else os.replace
        for _ in range(PUBLISH_ATTEMPTS):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return put(draft, path)
            except FileNotFoundError:
                # `remove` has just taken the folder away, because it was empty.
                continue
        raise AwsError("OperationAborted", "The folder of the key keeps vanishing.", 409)


def copy_stream(source: Readable, target: BinaryIO) -> str:
    """Copy everything; returns the MD5 as an ETag."""
    digest = hashlib.md5(usedforsecurity=False)
    while data := source.read(CHUNK_BYTES):
        digest.update(data)
        target.write(data)
    return f'"{digest.hexdigest()}"'


def copy_range(source: BinaryIO, target: BinaryIO, start: int, length: int) -> None:
    """Copy a part."""
    source.seek(start)
    while length and (data := source.read(min(length, CHUNK_BYTES))):
        target.write(data)
        length -= len(data)


def is_hidden(name: str) -> bool:
    """Whether a file is Hadoop's checksum of another, and so no object."""
    return name.startswith(".") and name.endswith(".crc")


def precondition_failed() -> AwsError:
    """The object is not as the caller wants it."""
    message = "At least one of the pre-conditions you specified did not hold"
    return AwsError("PreconditionFailed", message, 412)


def no_such_key() -> AwsError:
    """There is no such object."""
    return AwsError("NoSuchKey", "The specified key does not exist.", 404)


def remove_tree(path: Path) -> None:
    """Delete a folder with all that is in it, if it is there."""
    shutil.rmtree(path, ignore_errors=True)


def _forget_checksum(path: Path) -> None:
    # Hadoop's local file system keeps a checksum beside each file that it writes; left behind,
    # it would make Spark refuse the new content as broken.
    path.with_name(f".{path.name}.crc").unlink(missing_ok=True)
