"""Files in a folder that this process and the clusters can see."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast
from urllib.parse import unquote, urlsplit

from .base import (
    CHUNK_BYTES,
    READ_BYTES,
    AccessRefused,
    FileMissing,
    Storage,
    StorageError,
    StorageUnavailable,
    StoredFile,
)

#: Where files are written before they are moved into place, so that each appears at once and whole.
#: Within the storage's folder, because a move to another file system is a copy.
_DRAFTS: Final = ".drafts"

#: What does not pass by waiting; whatever else the file system says (a full disk, a stale mount) may.
_LASTING: Final = frozenset({errno.EINVAL, errno.ELOOP, errno.ENAMETOOLONG, errno.EROFS})


class FolderStorage(Storage):
    """A folder.

    Arguments:
        url: An absolute path, or `file:///path`. Made when something is first written.

    Raises:
        ValueError: It is neither.
    """

    def __init__(self, url: str) -> None:
        self._root = local_path(url)

    def uri(self, name: str) -> str:
        """See Storage.uri; an absolute path."""
        return str(self._path(name))

    def head(self, name: str) -> StoredFile | None:
        """See Storage.head; reads the file for its checksum."""
        path = self._path(name)
        with _errors(path):
            if not _is_file(path):
                return None
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = os.fstat(file.fileno()).st_size
        return StoredFile(uri=str(path), name=name, size=size, checksum=f"sha256:{digest}")

    def exists(self, name: str) -> bool:
        """See Storage.exists."""
        path = self._path(name)
        with _errors(path):
            return _is_file(path)

    def list(self, prefix: str = "") -> Iterator[StoredFile]:
        """See Storage.list; links that lead out of the folder are left out."""
        beginning = PurePosixPath(prefix if prefix.endswith("/") else f"{prefix}x").parent
        start = self._path(str(beginning)) if beginning.parts else self._root
        with _errors(start):
            for path in _files_below(start):
                name = path.relative_to(self._root).as_posix()
                hidden = name.startswith(f"{_DRAFTS}/")
                if name.startswith(prefix) and not hidden and self._is_inside(path):
                    yield StoredFile(uri=str(path), name=name, size=path.stat().st_size)

    def read_bytes(self, name: str, limit: int = READ_BYTES) -> bytes:
        """See Storage.read_bytes."""
        path = self._path(name)
        with _errors(path), path.open("rb") as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise StorageError(str(path), f"it is larger than the {limit} bytes expected")
        return content

    def read_tail(self, name: str, limit: int) -> bytes:
        """See Storage.read_tail."""
        path = self._path(name)
        with _errors(path), path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            return file.read(limit)

    def download(self, name: str, target: BinaryIO) -> None:
        """See Storage.download."""
        path = self._path(name)
        with _errors(path), path.open("rb") as file:
            shutil.copyfileobj(file, target, CHUNK_BYTES)

    def put_bytes(self, name: str, content: bytes) -> None:
        """See Storage.put_bytes."""
        with self._draft(name) as (draft, path):
            draft.write(content)
            draft.flush()
            os.replace(draft.name, path)

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """See Storage.put_if_absent."""
        with self._draft(name) as (draft, path):
            draft.write(content)
            draft.flush()
            try:
                # A link, unlike a move, is refused by the system when the name is taken.
                os.link(draft.name, path)
            except FileExistsError:
                return False
        return True

    def upload(self, name: str, content: BinaryIO) -> None:
        """See Storage.upload."""
        content.seek(0)
        with self._draft(name) as (draft, path):
            shutil.copyfileobj(content, draft, CHUNK_BYTES)
            draft.flush()
            os.replace(draft.name, path)

    def can_copy(self, uri: str) -> bool:
        """See Storage.can_copy."""
        return uri.startswith(("/", "file://"))

    def copy_from(self, source: StoredFile, name: str) -> None:
        """See Storage.copy_from; the file keeps its mode."""
        origin = local_path(source.uri)
        with _errors(origin), origin.open("rb") as content, self._draft(name) as (draft, path):
            shutil.copyfileobj(content, draft, CHUNK_BYTES)
            draft.flush()
            os.fchmod(draft.fileno(), os.fstat(content.fileno()).st_mode & 0o777)
            os.replace(draft.name, path)

    def is_copy(self, name: str, source: StoredFile) -> bool:
        """See Storage.is_copy; reads the file."""
        path = self._path(name)
        with _errors(path):
            if not _is_file(path) or path.stat().st_size != source.size:
                return False
        found = self.head(name)
        return found is not None and found.checksum == source.checksum

    @contextmanager
    def _draft(self, name: str) -> Iterator[tuple[BinaryIO, Path]]:
        """A file to write to, gone at the end unless it was moved; and where it should go."""
        path, drafts = self._path(name), self._root / _DRAFTS
        with _errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            drafts.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=drafts, delete=False) as draft:
                try:
                    # A temporary file is its owner's alone; the clusters read as another user.
                    os.fchmod(draft.fileno(), 0o644)
                    yield cast(BinaryIO, draft), path
                finally:
                    Path(draft.name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            raise StorageError(f"{self._root}/{name}", "the name leaves its folder")
        return self._root / name

    def _is_inside(self, path: Path) -> bool:
        return not path.is_symlink() or path.resolve().is_relative_to(self._root.resolve())


def local_path(url: str) -> Path:
    """The path that an address means: a plain absolute path as it is, or `file:///a%20path`.

    Raises:
        ValueError: It is neither.
    """
    if url.startswith("file://"):
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost"):
            raise ValueError(f"{url!r} names another host")
        url = unquote(parts.path)
    if not url.startswith("/") or "\0" in url:
        raise ValueError(f"{url!r} is not an absolute path")
    return Path(url)


def _is_file(path: Path) -> bool:
    # Path.is_file() says no where it cannot look, too (Python 3.14).
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _files_below(start: Path) -> list[Path]:
    found: list[Path] = []
    for folder, _, names in os.walk(start, onerror=_unless_gone):
        found += [path for name in names if _is_file(path := Path(folder, name))]
    # As S3 sorts: by the whole name, not by its parts.
    return sorted(found, key=Path.as_posix)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn the file system's errors about a path into the storage's."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileMissing(str(path), "there is no such file") from error
    except PermissionError as error:
        raise AccessRefused(str(path), "permission denied") from error
    except IsADirectoryError as error:
        raise StorageError(str(path), "it is a folder") from error
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in _LASTING:
            raise StorageError(str(path), why) from error
        raise StorageUnavailable(str(path), why) from error
