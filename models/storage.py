"""Files by URI: `s3://bucket/prefix` or a folder, behind one small interface."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from .aws import AwsClients, error_code, is_passing
from .errors import Fatal, Retryable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: As the metadata key under which a file's own checksum travels with it.
CHECKSUM = "tagfleet-checksum"

_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_FORBIDDEN = frozenset({"403", "AccessDenied", "Forbidden"})


class FileMissing(Fatal):
    """There is no such file."""


class FileForbidden(Fatal):
    """The file may not be read or written by this process."""


class StorageAway(Retryable):
    """The store does not answer, or not now."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, and what identifies its content."""

    uri: str
    size: int
    #: `sha256:...` where it is known, else `etag:...`, which S3 keeps for every object.
    checksum: str


class Storage(Protocol):
    """A store, below one prefix. Names are relative, with `/` between their parts.

    Every method raises FileMissing, FileForbidden, or StorageAway when it may work later.
    """

    def uri(self, name: str) -> str:
        """The whole address of a name."""

    def head(self, name: str) -> StoredFile | None:
        """What is there; None when nothing is."""

    def names(self, prefix: str) -> Iterator[str]:
        """The names that begin with the prefix, in order."""

    def read(self, name: str) -> bytes:
        """The whole content of a small file."""

    def write(self, name: str, content: bytes) -> None:
        """Put a small file there, in one go."""

    def upload(self, name: str, content: IO[bytes], checksum: str) -> None:
        """Put a file there, with its checksum; streamed."""

    def copy_from(self, source_uri: str, name: str, checksum: str) -> None:
        """Copy a file of the same kind of store to the name, without its bytes passing through here."""


def open_storage(url: str, clients: AwsClients) -> Storage:
    """The store that the address means."""
    if url.startswith("s3://"):
        return S3Storage(url, clients.s3())
    return FolderStorage(Path(urlsplit(url).path))


def split_s3(uri: str) -> tuple[str, str]:
    """The bucket and the key of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


class S3Storage:
    """A prefix of an S3 bucket."""

    def __init__(self, url: str, client: S3Client) -> None:
        self._bucket, prefix = split_s3(url)
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._client = client

    def uri(self, name: str) -> str:
        """See Storage.uri."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def head(self, name: str) -> StoredFile | None:
        """See Storage.head."""
        return head_s3(self._client, self.uri(name))

    def names(self, prefix: str) -> Iterator[str]:
        """See Storage.names."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        with s3_errors(self.uri(prefix)):
            for page in pages:
                for found in page.get("Contents", ()):
                    yield found["Key"].removeprefix(self._prefix)

    def read(self, name: str) -> bytes:
        """See Storage.read."""
        with s3_errors(self.uri(name)):
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            with answer["Body"] as body:
                return body.read()

    def write(self, name: str, content: bytes) -> None:
        """See Storage.write."""
        with s3_errors(self.uri(name)):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=content)

    def upload(self, name: str, content: IO[bytes], checksum: str) -> None:
        """See Storage.upload."""
        with s3_errors(self.uri(name)):
            self._client.upload_fileobj(
                content, self._bucket, self._prefix + name, ExtraArgs={"Metadata": {CHECKSUM: checksum}}
            )

    def copy_from(self, source_uri: str, name: str, checksum: str) -> None:
        """See Storage.copy_from; in parts when the file is larger than 5 GiB (S3's limit of a copy)."""
        bucket, key = split_s3(source_uri)
        with s3_errors(source_uri):
            self._client.copy(
                {"Bucket": bucket, "Key": key},
                self._bucket,
                self._prefix + name,
                ExtraArgs={"MetadataDirective": "REPLACE", "Metadata": {CHECKSUM: checksum}},
            )


class FolderStorage:
    """A folder that this process, and the clusters, can see."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def uri(self, name: str) -> str:
        """See Storage.uri."""
        return str(self._root / name)

    def head(self, name: str) -> StoredFile | None:
        """See Storage.head."""
        path = self._root / name
        with folder_errors(str(path)):
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            note = _note(path)
            checksum = note.read_text() if note.exists() else f"mtime:{found.st_mtime_ns}"
            return StoredFile(str(path), found.st_size, checksum)

    def names(self, prefix: str) -> Iterator[str]:
        """See Storage.names."""
        for path in sorted(self._root.rglob("*")):
            name = path.relative_to(self._root).as_posix()
            if path.is_file() and name.startswith(prefix) and not path.name.endswith(_NOTE):
                yield name

    def read(self, name: str) -> bytes:
        """See Storage.read."""
        with folder_errors(self.uri(name)):
            return (self._root / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """See Storage.write."""
        with folder_errors(self.uri(name)):
            path = self._made(name)
            draft = path.with_name(f"{path.name}.new")
            draft.write_bytes(content)
            draft.replace(path)

    def upload(self, name: str, content: IO[bytes], checksum: str) -> None:
        """See Storage.upload."""
        with folder_errors(self.uri(name)):
            path = self._made(name)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
                shutil.copyfileobj(content, draft)
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(path)
            _note(path).write_text(checksum)

    def copy_from(self, source_uri: str, name: str, checksum: str) -> None:
        """See Storage.copy_from."""
        with folder_errors(source_uri), Path(urlsplit(source_uri).path).open("rb") as content:
            self.upload(name, content, checksum)

    def _made(self, name: str) -> Path:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


_NOTE = ".tagfleet-checksum"


def _note(path: Path) -> Path:
    """Where a file's checksum is kept: a folder has no metadata of our own."""
    return path.with_name(f".{path.name}{_NOTE}")


def head_s3(client: S3Client, uri: str) -> StoredFile | None:
    """What S3 has at an address; None when nothing is there."""
    bucket, key = split_s3(uri)
    try:
        with s3_errors(uri):
            found = client.head_object(Bucket=bucket, Key=key)
    except FileMissing:
        return None
    checksum = found.get("Metadata", {}).get(CHECKSUM) or "etag:" + found["ETag"].strip('"')
    return StoredFile(uri, found["ContentLength"], checksum)


@contextmanager
def s3_errors(uri: str) -> Iterator[None]:
    """Turn boto3's errors about an address into ours."""
    try:
        yield
    except ClientError as error:
        code, text = error_code(error), error.response.get("Error", {}).get("Message", "")
        if code in _MISSING:
            what = "bucket" if code == "NoSuchBucket" else "object"
            raise FileMissing(f"{uri}: there is no such {what}") from error
        if is_passing(error):
            raise StorageAway(f"{uri}: {code}: {text}") from error
        raise FileForbidden(f"{uri}: {'access is denied' if code in _FORBIDDEN else f'{code}: {text}'}") from error
    except BotoCoreError as error:
        raise StorageAway(f"{uri}: {error}") from error


@contextmanager
def folder_errors(uri: str) -> Iterator[None]:
    """Turn the file system's errors about an address into ours."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise FileMissing(f"{uri}: there is no such file") from error
    except PermissionError as error:
        raise FileForbidden(f"{uri}: permission denied") from error
    except OSError as error:
        raise StorageAway(f"{uri}: {error.strerror}") from error
