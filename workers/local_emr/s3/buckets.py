"""Buckets: create, head, list, delete."""

from __future__ import annotations

from ..errors import AwsError
from ..web import Request, Response
from .folder import BucketFolder, remove_tree
from .listing import keys
from .xml import document, timestamp


def create_bucket(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Make a bucket; one's own may be made again, as in us-east-1."""
    folder.bucket_path(bucket).mkdir(exist_ok=True)
    return Response(200, {"Location": f"/{bucket}"})


def head_bucket(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Tell whether there is such a bucket."""
    folder.bucket(bucket)
    return Response(200, {"x-amz-bucket-region": "us-east-1"})


def delete_bucket(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Remove a bucket that holds no object."""
    path = folder.bucket(bucket)
    if next(keys(path), None) is not None:
        message = "The bucket you tried to delete is not empty"
        raise AwsError("BucketNotEmpty", message, 409)
    remove_tree(path)
    return Response(204)


def list_buckets(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Name all buckets."""
    paths = sorted(path for path in folder.root.iterdir() if not path.name.startswith("."))
    rows = [
        {"Name": path.name, "CreationDate": timestamp(path.stat().st_mtime)}
        for path in paths
        if path.is_dir()
    ]
    return document(
        "ListAllMyBucketsResult",
        {"Buckets": {"Bucket": rows}, "Owner": {"DisplayName": "local", "ID": "local"}},
    )


def get_bucket_location(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Name the region: empty, which is how S3 writes us-east-1."""
    folder.bucket(bucket)
    return document("LocationConstraint", {})
