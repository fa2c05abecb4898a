"""Files in S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from ..aws import AwsClients, error_code, error_text, is_passing
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

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef, HeadObjectOutputTypeDef

#: The largest object that CopyObject takes (S3 API reference, CopyObject); others go part by part.
SINGLE_COPY_BYTES: Final = 5 * 1024**3

#: A part of such a copy: with it, S3's 10,000 parts are enough for its largest object (5 TiB).
_COPY_PART_BYTES: Final = 1024**3

#: A part of an upload. With S3's 10,000 parts, enough for 160 GB; one is in memory at a time.
_UPLOAD_PART_BYTES: Final = 16 * 1024**2

#: The metadata that tells the ETag of the object that this one was copied from. A copy keeps its
#: source's ETag only when neither was made of parts nor encrypted with a KMS key (S3 API
#: reference, Object).
_COPY_OF: Final = "tagfleet-copy-of"

_MISSING: Final = frozenset({"404", "NoSuchBucket", "NoSuchKey", "NotFound"})
_REFUSED: Final = frozenset({"403", "AccessDenied", "AllAccessDisabled", "Forbidden"})
_EXISTS: Final = frozenset({"412", "PreconditionFailed"})


class S3Storage(Storage):
    """A prefix of an S3 bucket.

    Arguments:
        url: `s3://bucket/prefix`; the prefix may be empty.
        clients: Makes the client, when it is first needed.
        single_copy_bytes: Larger files are copied in parts.

    Raises:
        ValueError: The address names no bucket.
    """

    def __init__(
        self, url: str, clients: AwsClients, *, single_copy_bytes: int = SINGLE_COPY_BYTES
    ) -> None:
        self._bucket, prefix = split_uri(url)
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._clients = clients
        self._single_copy_bytes = single_copy_bytes

    def uri(self, name: str) -> str:
        """See Storage.uri."""
        return f"s3://{self._bucket}/{self._prefix}{name}"

    def head(self, name: str) -> StoredFile | None:
        """See Storage.head."""
        found = self._head(name)
        if found is None:
            return None
        return self._stored(name, found["ContentLength"], found["ETag"])

    def list(self, prefix: str = "") -> Iterator[StoredFile]:
        """See Storage.list; a page of 1,000 files a call."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        with self._errors(prefix):
            for page in pages:
                for found in page.get("Contents", ()):
                    name = found["Key"].removeprefix(self._prefix)
                    # Consoles and Hadoop mark a folder with an empty object whose key ends so.
                    if not name.endswith("/") and name:
                        yield self._stored(name, found["Size"], found["ETag"])

    def read_bytes(self, name: str, limit: int = READ_BYTES) -> bytes:
        """See Storage.read_bytes."""
        with self._errors(name):
            answer = self._client.get_object(**self._key(name))
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] > limit:
                    size = answer["ContentLength"]
                    raise StorageError(
                        self.uri(name), f"{size} bytes is more than the {limit} expected"
                    )
                return body.read()

    def read_tail(self, name: str, limit: int) -> bytes:
        """See Storage.read_tail; one call, which sends no more than that."""
        try:
            with self._errors(name):
                answer = self._client.get_object(**self._key(name), Range=f"bytes=-{limit}")
                with closing(answer["Body"]) as body:
                    return body.read()
        except StorageError as error:
            # Of an empty object there is no range.
            if _code_behind(error) == "InvalidRange":
                return b""
            raise

    def download(self, name: str, target: BinaryIO) -> None:
        """See Storage.download."""
        with self._errors(name):
            answer = self._client.get_object(**self._key(name))
            with closing(answer["Body"]) as body:
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    target.write(chunk)

    def put_bytes(self, name: str, content: bytes) -> None:
        """See Storage.put_bytes."""
        with self._errors(name):
            self._client.put_object(**self._key(name), Body=content)

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """See Storage.put_if_absent."""
        try:
            with self._errors(name):
                self._client.put_object(**self._key(name), Body=content, IfNoneMatch="*")
        except StorageError as error:
            if _code_behind(error) in _EXISTS:
                return False
            raise
        return True

    def upload(self, name: str, content: BinaryIO) -> None:
        """See Storage.upload."""
        # Without threads of its own there is one part in memory, not ten.
        config = TransferConfig(
            multipart_threshold=_UPLOAD_PART_BYTES,
            multipart_chunksize=_UPLOAD_PART_BYTES,
            use_threads=False,
        )
        content.seek(0)
        with self._errors(name):
            self._client.upload_fileobj(content, **self._key(name), Config=config)

    def can_copy(self, uri: str) -> bool:
        """See Storage.can_copy."""
        return uri.startswith("s3://")

    def copy_from(self, source: StoredFile, name: str) -> None:
        """See Storage.copy_from."""
        bucket, key = split_uri(source.uri)
        origin: CopySourceTypeDef = {"Bucket": bucket, "Key": key}
        unchanged: dict[str, Any] = {"MetadataDirective": "REPLACE"}
        if source.checksum:
            unchanged["CopySourceIfMatch"] = _quoted_etag(source)
            unchanged["Metadata"] = {_COPY_OF: source.checksum}
        try:
            with self._errors(name):
                if source.size <= self._single_copy_bytes:
                    self._client.copy_object(**self._key(name), CopySource=origin, **unchanged)
                else:
                    self._copy_in_parts(origin, name, unchanged)
        except StorageError as error:
            if _code_behind(error) in _EXISTS:
                raise StorageUnavailable(
                    source.uri, "it changed while it was being copied"
                ) from error
            if _code_behind(error) == "NoSuchKey":
                raise FileMissing(source.uri, error.why) from error
            raise type(error)(source.uri, f"copying it to {error.uri}: {error.why}") from error

    def is_copy(self, name: str, source: StoredFile) -> bool:
        """See Storage.is_copy."""
        found = self._head(name)
        if found is None or found["ContentLength"] != source.size:
            return False
        return source.checksum in (_checksum(found["ETag"]), found["Metadata"].get(_COPY_OF))

    def _copy_in_parts(self, origin: CopySourceTypeDef, name: str, extra: dict[str, Any]) -> None:
        config = TransferConfig(
            multipart_threshold=1,
            multipart_chunksize=min(_COPY_PART_BYTES, self._single_copy_bytes),
        )
        self._client.copy(origin, **self._key(name), ExtraArgs=extra, Config=config)

    def _head(self, name: str) -> HeadObjectOutputTypeDef | None:
        try:
            with self._errors(name):
                return self._client.head_object(**self._key(name))
        except FileMissing:
            return None

    def _stored(self, name: str, size: int, etag: str) -> StoredFile:
        return StoredFile(uri=self.uri(name), name=name, size=size, checksum=_checksum(etag))

    def _key(self, name: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._prefix + name}

    @property
    def _client(self) -> S3Client:
        return self._clients.s3()

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Turn boto3's errors about a name into the storage's."""
        uri = self.uri(name)
        try:
            yield
        except ClientError as error:
            raise _translated(uri, error) from error
        except ParamValidationError as error:
            raise StorageError(uri, str(error)) from error
        except BotoCoreError as error:
            # No connection, no answer in time, a connection that broke, no credentials (yet).
            raise StorageUnavailable(uri, str(error)) from error


def split_uri(uri: str) -> tuple[str, str]:
    """The bucket and the key of `s3://bucket/key`; in a key, `?`, `#` and `%` mean themselves.

    Raises:
        ValueError: There is no bucket in it.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise ValueError(f"{uri!r} names no S3 bucket")
    return bucket, key


def _translated(uri: str, error: ClientError) -> StorageError | StorageUnavailable:
    code, text = error_code(error), error_text(error)
    if is_passing(error):
        return StorageUnavailable(uri, f"{code}: {text}")
    if code in _MISSING:
        return FileMissing(
            uri, f"there is no such {'bucket' if code == 'NoSuchBucket' else 'file'}"
        )
    if code in _REFUSED:
        return AccessRefused(uri, "access is denied, or it does not exist and may not be listed")
    return StorageError(uri, f"{code}: {text}")


def _code_behind(error: StorageError) -> str:
    return error_code(error.__cause__) if isinstance(error.__cause__, ClientError) else ""


def _checksum(etag: str) -> str:
    return "etag:" + etag.strip('"')


def _quoted_etag(file: StoredFile) -> str:
    return '"' + (file.checksum or "").removeprefix("etag:") + '"'
