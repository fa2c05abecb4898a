"""A file as an answer, whole or a range of it (RFC 9110, section 14)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from flask import Response, request

from .problems import Problem

#: What is in memory at once, in bytes.
_CHUNK_BYTES: Final = 256 * 1024

#: One range of bytes. Several at once, or of something else, are answered whole, as a server may.
_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


def send(file: BinaryIO, content_type: str) -> Response:
    """The file, or the range of it that the request asks for; closes it at the end.

    Raises:
        Problem: 416, there is nothing in the range.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        asked = wanted(request.headers.get("Range", ""), size)
    except Problem:
        file.close()
        raise
    begin, end = asked or (0, size)
    answer = Response(_pieces(file, begin, end), 206 if asked else 200, content_type=content_type)
    answer.call_on_close(file.close)
    answer.headers["Accept-Ranges"] = "bytes"
    answer.headers["Content-Length"] = str(end - begin)
    if asked:
        answer.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
    if request.method == "HEAD":
        file.close()
    return answer


def wanted(header: str, size: int) -> tuple[int, int] | None:
    """Where the range begins and ends that a Range header asks for; None: the whole is asked for.

    Raises:
        Problem: 416, there is nothing in the range.
    """
    found = _RANGE.fullmatch(header)
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        begin, end = max(0, size - int(found[2])), size
    else:
        begin, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < begin:
            return None
    if begin >= end:
        raise Problem(
            416,
            f"The file has {size} bytes, and there is nothing in the range.",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return begin, end


def _pieces(file: BinaryIO, begin: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(begin)
        left = end - begin
        while left > 0 and (piece := file.read(min(_CHUNK_BYTES, left))):
            left -= len(piece)
            yield piece
