"""Finds out which S3 operation a request means, and does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from ..errors import AwsError
from ..web import Request, Response
from . import buckets, listing, multipart, objects
from .folder import BucketFolder
from .xml import error_document

#: Does an operation on a bucket and a key, either of which may be empty; may raise AwsError.
Operation: TypeAlias = Callable[[BucketFolder, str, str, Request], Response]

#: Parameters of a query that make it another operation than the method alone would.
_MARKS: Final = ("uploads", "uploadId", "delete", "location", "list-type")

#: Parameters that ask for what this S3 does not have (versions, rules, tags...).
_UNSUPPORTED: Final = frozenset(
    [
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "encryption",
        "inventory",
        "legal-hold",
        "lifecycle",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "tagging",
        "torrent",
        "versioning",
        "versions",
        "website",
    ]
)

#: Every operation, by what is named ("", "bucket", "key"), the method and the mark.
_ROUTES: Final[Mapping[tuple[str, str, str], str]] = {
    ("", "GET", ""): "ListBuckets",
    ("bucket", "PUT", ""): "CreateBucket",
    ("bucket", "HEAD", ""): "HeadBucket",
    ("bucket", "DELETE", ""): "DeleteBucket",
    ("bucket", "GET", "location"): "GetBucketLocation",
    ("bucket", "GET", ""): "ListObjects",
    ("bucket", "GET", "list-type"): "ListObjectsV2",
    ("bucket", "POST", "delete"): "DeleteObjects",
    ("key", "PUT", ""): "PutObject",
    ("key", "PUT", "copy"): "CopyObject",
    ("key", "GET", ""): "GetObject",
    ("key", "HEAD", ""): "HeadObject",
    ("key", "DELETE", ""): "DeleteObject",
    ("key", "POST", "uploads"): "CreateMultipartUpload",
    ("key", "PUT", "uploadId"): "UploadPart",
    ("key", "PUT", "uploadId copy"): "UploadPartCopy",
    ("key", "POST", "uploadId"): "CompleteMultipartUpload",
    ("key", "DELETE", "uploadId"): "AbortMultipartUpload",
}

_OPERATIONS: Final[Mapping[str, Operation]] = {
    "AbortMultipartUpload": multipart.abort_multipart_upload,
    "CompleteMultipartUpload": multipart.complete_multipart_upload,
    "CopyObject": objects.copy_object,
    "CreateBucket": buckets.create_bucket,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "DeleteBucket": buckets.delete_bucket,
    "DeleteObject": objects.delete_object,
    "DeleteObjects": objects.delete_objects,
    "GetBucketLocation": buckets.get_bucket_location,
    "GetObject": objects.get_object,
    "HeadBucket": buckets.head_bucket,
    "HeadObject": objects.head_object,
    "ListBuckets": buckets.list_buckets,
    "ListObjects": listing.list_objects,
    "ListObjectsV2": listing.list_objects_v2,
    "PutObject": objects.put_object,
    "UploadPart": multipart.upload_part,
    "UploadPartCopy": multipart.upload_part_copy,
}


class S3Service:
    """S3 over one folder, for clients with path-style addresses.

    Arguments:
        root: The folder that holds the buckets.
    """

    def __init__(self, root: Path) -> None:
        self._folder = BucketFolder(root)

    def call_name(self, request: Request) -> str:
        """The operation, as "s3:GetObject"; "s3:" alone when it is none of ours."""
        return "s3:" + _operation_name(request)

    def subject(self, request: Request) -> str:
        """The bucket and the key."""
        return request.path.lstrip("/")

    def answer(self, request: Request) -> Response:
        """Do what the request asks for."""
        operation = _OPERATIONS.get(_operation_name(request))
        if operation is None:
            message = f"The local S3 does not do {request.method} {request.path} {request.query}."
            raise AwsError("NotImplemented", message, 501)
        bucket, _, key = self.subject(request).partition("/")
        return operation(self._folder, bucket, key, request)

    def refusal(self, request: Request, error: AwsError) -> Response:
        """How S3 says no."""
        return error_document(request, error)


def _operation_name(request: Request) -> str:
    bucket, _, key = request.path.lstrip("/").partition("/")
    named = "key" if key else "bucket" if bucket else ""
    if _UNSUPPORTED & request.query.keys():
        return ""
    marks = [mark for mark in _MARKS if mark in request.query]
    if "x-amz-copy-source" in request.headers:
        marks.append("copy")
    return _ROUTES.get((named, request.method, " ".join(marks)), "")
