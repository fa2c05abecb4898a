"""The `aws-chunked` encoding, in which some clients send the content of an object."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import AwsError
from ..web import Body
from .folder import Readable


def content_of(body: Body, headers: Mapping[str, str]) -> Readable:
    """What a client means by a request's body."""
    encoded = "aws-chunked" in headers.get("content-encoding", "")
    streamed = headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    return ChunkedContent(body) if encoded or streamed else body


class ChunkedContent:
    """The content without its chunk headers, signatures and trailers, none of which is checked."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._left_in_chunk = 0
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes; none at the end."""
        if not self._ended and not self._left_in_chunk:
            self._open_chunk()
        wanted = self._left_in_chunk if size < 0 else min(size, self._left_in_chunk)
        data = self._body.read(wanted)
        if len(data) < wanted:
            raise AwsError("IncompleteBody", "The body ends within a chunk.")
        self._left_in_chunk -= wanted
        if wanted and not self._left_in_chunk:
            self._body.readline()
        return data

    def _open_chunk(self) -> None:
        header = self._body.readline()
        try:
            self._left_in_chunk = int(header.partition(b";")[0], 16)
        except ValueError:
            self._left_in_chunk = -1
        if self._left_in_chunk < 0:
            raise AwsError("IncompleteBody", "The chunks of the body cannot be read.")
        self._ended = not self._left_in_chunk
