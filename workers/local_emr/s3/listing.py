"""The keys of a bucket in S3's order, page by page."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import AwsError
from ..web import Request, Response
from .folder import BucketFolder, is_hidden
from .xml import Content, document, timestamp, url_encoded

#: The most that one page holds.
PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing: an object, or, with no path, the common prefix of some."""

    name: str
    path: Path | None


def list_objects_v2(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Answer ListObjectsV2."""
    query = request.query
    token = query.get("continuation-token")
    after = _decoded(token) if token else query.get("start-after", "")
    page, more = _page(folder, bucket, request, after)
    content: dict[str, Content] = {"KeyCount": len(page)}
    if more:
        content["NextContinuationToken"] = base64.b64encode(page[-1].name.encode()).decode()
    return _document(folder, bucket, request, page, more, content)


def list_objects(folder: BucketFolder, bucket: str, key: str, request: Request) -> Response:
    """Answer ListObjects, the first version."""
    page, more = _page(folder, bucket, request, request.query.get("marker", ""))
    content: dict[str, Content] = {"Marker": request.query.get("marker", "")}
    if more and "delimiter" in request.query:
        content["NextMarker"] = _namer(request)(page[-1].name)
    return _document(folder, bucket, request, page, more, content)


def keys(root: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Every key with this prefix and its file, in the order of the keys' bytes."""
    # Nothing outside the prefix's last folder can have the prefix.
    start = prefix.rpartition("/")[0]
    if start and any(part in ("", ".", "..") for part in start.split("/")):
        return
    yield from _walk(root / start, start + "/" if start else "", prefix)


def _walk(folder: Path, path: str, prefix: str) -> Iterator[tuple[str, Path]]:
    try:
        with os.scandir(folder) as found:
            # A folder's keys all begin with its name and "/": that decides its place.
            entries = sorted((entry.name + "/" * entry.is_dir(), entry.path) for entry in found)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name, file in entries:
        key = path + name
        if name.endswith("/"):
            if key.startswith(prefix) or prefix.startswith(key):
                yield from _walk(Path(file), key, prefix)
        elif key.startswith(prefix) and not is_hidden(name):
            yield key, Path(file)


def _page(
    folder: BucketFolder, bucket: str, request: Request, after: str
) -> tuple[list[Entry], bool]:
    """The next entries after one, and whether there are more."""
    size = _size(request)
    page: list[Entry] = []
    for entry in _entries(folder.bucket(bucket), request):
        if entry.name <= after:
            continue
        if len(page) == size:
            return page, size > 0
        page.append(entry)
    return page, False


def _entries(root: Path, request: Request) -> Iterator[Entry]:
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    last_common = None
    for key, path in keys(root, prefix):
        before, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        if not found:
            yield Entry(key, path)
        elif (common := prefix + before + delimiter) != last_common:
            last_common = common
            yield Entry(common, None)


def _document(
    folder: BucketFolder,
    bucket: str,
    request: Request,
    page: list[Entry],
    more: bool,
    content: dict[str, Content],
) -> Response:
    named = _namer(request)
    prefixes = [{"Prefix": named(entry.name)} for entry in page if entry.path is None]
    return document(
        "ListBucketResult",
        {
            "Name": bucket,
            **_echo(request),
            "MaxKeys": _size(request),
            "IsTruncated": more,
            **content,
            "Contents": [row for entry in page for row in _rows(folder, request, entry)],
            "CommonPrefixes": prefixes,
        },
    )


def _rows(folder: BucketFolder, request: Request, entry: Entry) -> list[dict[str, Content]]:
    if entry.path is None:
        return []
    try:
        stored = folder.describe(entry.path)
    except AwsError:
        # Deleted since the folder was read.
        return []
    return [
        {
            "Key": _namer(request)(entry.name),
            "LastModified": timestamp(stored.modified),
            "ETag": stored.etag,
            "Size": stored.size,
            "StorageClass": "STANDARD",
        }
    ]


def _echo(request: Request) -> dict[str, Content]:
    named, query = _namer(request), request.query
    echo: dict[str, Content] = {"Prefix": named(query.get("prefix", ""))}
    if "delimiter" in query:
        echo["Delimiter"] = named(query["delimiter"])
    if "start-after" in query:
        echo["StartAfter"] = named(query["start-after"])
    if "continuation-token" in query:
        echo["ContinuationToken"] = query["continuation-token"]
    if "encoding-type" in query:
        echo["EncodingType"] = query["encoding-type"]
    return echo


def _namer(request: Request) -> Callable[[str], str]:
    return url_encoded if request.query.get("encoding-type") == "url" else str


def _size(request: Request) -> int:
    try:
        return min(int(request.query.get("max-keys", PAGE)), PAGE)
    except ValueError:
        raise AwsError("InvalidArgument", "Provided max-keys not an integer") from None


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        message = "The continuation token provided is incorrect"
        raise AwsError("InvalidArgument", message) from None
