"""Objects that arrive in parts."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import BinaryIO, Final

from ..errors import AwsError
from ..web import Request, Response
from .chunked import content_of
from .folder import BucketFolder, copy_range, copy_stream, remove_tree
from .objects import copy_source, parse_range, wants_absence
from .xml import document, texts, timestamp

_UPLOAD_ID: Final = re.compile(r"[0-9a-f]{32}")


def create_multipart_upload(
    folder: BucketFolder, bucket: str, key: str, request: Request
) -> Response:
    """Begin an upload."""
    folder.object_path(bucket, key)
    upload_id = uuid.uuid4().hex
    (folder.uploads / upload_id).mkdir()
    return document(
        "InitiateMultipartUploadResult", {"Bucket": bucket, "Key": key, "UploadId": upload_id}
    )


def upload_part(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Store one part."""
    path = _part_path(_upload(folder, request), _part_number(request))
    with folder.draft() as draft:
        etag = copy_stream(content_of(request.body, request.headers), draft)
        folder.publish(draft, path, only_if_absent=False)
    return Response(200, {"ETag": etag})


def upload_part_copy(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Store a part, or all, of another object as one part."""
    path = _part_path(_upload(folder, request), _part_number(request))
    source = copy_source(folder, request)
    header = request.headers.get("x-amz-copy-source-range", "")
    start, length = parse_range(header, source.size) or (0, source.size)
    with source.path.open("rb") as file, folder.draft() as draft:
        copy_range(file, draft, start, length)
        folder.publish(draft, path, only_if_absent=False)
    stored = folder.describe(path)
    return document(
        "CopyPartResult", {"ETag": stored.etag, "LastModified": timestamp(stored.modified)}
    )


def complete_multipart_upload(
    folder: BucketFolder, bucket: str, key: str, request: Request
) -> Response:
    """Make the named parts, in the order named, one object."""
    upload, target = _upload(folder, request), folder.object_path(bucket, key)
    body = request.body.read()
    numbers, etags = [int(text) for text in texts(body, "PartNumber")], texts(body, "ETag")
    if len(etags) != len(numbers):
        raise AwsError("MalformedXML", "Each part needs its number and its ETag.")
    if numbers != sorted(set(numbers)):
        message = "The list of parts was not in ascending order."
        raise AwsError("InvalidPartOrder", message)
    with folder.draft() as draft:
        for number, etag in zip(numbers, etags, strict=True):
            _append(_part_path(upload, number), etag, draft)
        only_if = request.headers.get("if-match")
        folder.publish(draft, target, only_if_absent=wants_absence(request), only_if=only_if)
    remove_tree(upload)
    etag = folder.describe(target).etag
    return document("CompleteMultipartUploadResult", {"Bucket": bucket, "Key": key, "ETag": etag})


def abort_multipart_upload(
    folder: BucketFolder, bucket: str, key: str, request: Request
) -> Response:
    """Forget an upload and its parts."""
    remove_tree(_upload(folder, request))
    return Response(204)


def _upload(folder: BucketFolder, request: Request) -> Path:
    upload_id = request.query.get("uploadId", "")
    path = folder.uploads / upload_id
    if not _UPLOAD_ID.fullmatch(upload_id) or not path.is_dir():
        message = "The specified upload does not exist."
        raise AwsError("NoSuchUpload", message, 404)
    return path


def _part_number(request: Request) -> int:
    number = request.query.get("partNumber", "")
    if not number.isdecimal() or not 1 <= int(number) <= 10_000:
        message = "Part number must be an integer between 1 and 10000, inclusive"
        raise AwsError("InvalidArgument", message)
    return int(number)


def _part_path(upload: Path, number: int) -> Path:
    return upload / f"{number:05}"


def _append(part: Path, etag: str, target: BinaryIO) -> None:
    try:
        with part.open("rb") as file:
            found = copy_stream(file, target)
    except FileNotFoundError:
        found = None
    # Clients send the ETag with its quotes or without.
    if found is None or found.strip('"') != etag.strip('"'):
        message = (
            "One or more of the specified parts could not be found. The part may not have been"
            " uploaded, or the specified entity tag may not match the part's entity tag."
        )
        raise AwsError("InvalidPart", message)
