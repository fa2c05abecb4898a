"""Objects: put, get, head, copy, delete."""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import Final
from urllib.parse import unquote

from ..errors import AwsError
from ..web import FileBody, Request, Response
from .chunked import content_of
from .folder import BucketFolder, Stored, copy_stream, precondition_failed
from .xml import document, texts, timestamp

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


def put_object(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Store the body; `If-None-Match: *` only when there is nothing yet, `If-Match` only instead of that."""
    if key.endswith("/"):
        # The folder "objects" of consoles and of Hadoop: a folder is one, and holds nothing.
        folder.object_path(bucket, key.rstrip("/")).mkdir(parents=True, exist_ok=True)
        return Response(200, {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"'})
    path = folder.object_path(bucket, key)
    with folder.draft() as draft:
        etag = copy_stream(content_of(request.body, request.headers), draft)
        only_if = request.headers.get("if-match")
        folder.publish(draft, path, only_if_absent=wants_absence(request), only_if=only_if)
    return Response(200, {"ETag": etag})


def copy_object(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Copy another object without a client in between."""
    source, target = copy_source(folder, request), folder.object_path(bucket, key)
    if request.headers.get("x-amz-copy-source-if-match", source.etag) != source.etag:
        raise precondition_failed()
    with source.path.open("rb") as file, folder.draft() as draft:
        copy_stream(file, draft)
        folder.publish(draft, target, only_if_absent=wants_absence(request))
    stored = folder.describe(target)
    return document(
        "CopyObjectResult", {"ETag": stored.etag, "LastModified": timestamp(stored.modified)}
    )


def get_object(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Send an object or a range of it."""
    stored = folder.stored(bucket, key)
    refused = _check_conditions(stored, request)
    if refused:
        return refused
    status, headers, start, length = _part(stored, request)
    return Response(status, headers, FileBody(stored.path.open("rb"), start, length))


def head_object(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Tell what `get_object` would send."""
    stored = folder.stored(bucket, key)
    refused = _check_conditions(stored, request)
    if refused:
        return refused
    status, headers, _, length = _part(stored, request)
    return Response(status, {**headers, "Content-Length": str(length)})


def delete_object(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Remove an object; no error when there is none."""
    if not key.endswith("/"):
        folder.remove(folder.object_path(bucket, key))
    return Response(204)


def delete_objects(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Remove many objects; each is refused on its own."""
    body = request.body.read()
    quiet = "true" in texts(body, "Quiet")
    deleted, errors = [], []
    for each in texts(body, "Key"):
        try:
            delete_object(folder, bucket, each, request)
        except AwsError as error:
            errors.append({"Key": each, "Code": error.code, "Message": error.message})
        else:
            deleted.append({"Key": each})
    return document("DeleteResult", {"Deleted": [] if quiet else deleted, "Error": errors})


def wants_absence(request: Request) -> bool:
    """Whether the object must not exist yet."""
    return request.headers.get("if-none-match") == "*"


def copy_source(folder: BucketFolder, request: Request) -> Stored:
    """The object that a copy is made of."""
    source = unquote(request.headers["x-amz-copy-source"].partition("?")[0]).lstrip("/")
    bucket, _, key = source.partition("/")
    return folder.stored(bucket, key)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """The first byte and the length that a Range header asks for; None when it asks for all."""
    found = _RANGE.fullmatch(header)
    if not found or not any(found.groups()):
        return None
    if found[1]:
        start, end = int(found[1]), int(found[2] or size - 1)
    else:
        start, end = max(0, size - int(found[2])), size - 1
    end = min(end, size - 1)
    if start > end:
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end - start + 1


def _check_conditions(stored: Stored, request: Request) -> Response | None:
    """The answer to a caller who has this content already, or wants only another."""
    if request.headers.get("if-none-match") == stored.etag:
        return Response(304, {"ETag": stored.etag})
    if request.headers.get("if-match", stored.etag) not in (stored.etag, "*"):
        raise precondition_failed()
    return None


def _part(stored: Stored, request: Request) -> tuple[int, dict[str, str], int, int]:
    """The status, the headers, the first byte and the length of what is to be sent."""
    headers = {
        "ETag": stored.etag,
        "Last-Modified": formatdate(stored.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        "Content-Type": "binary/octet-stream",
    }
    wanted = parse_range(request.headers.get("range", ""), stored.size)
    if wanted is None:
        return 200, headers, 0, stored.size
    start, length = wanted
    headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{stored.size}"
    return 206, headers, start, length
