"""HTTP as the rest sees it: a request, a response, and the server that carries them."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase, BufferedReader, RawIOBase
from typing import Any, BinaryIO, Final, TypeAlias
from urllib.parse import parse_qsl, unquote

log = logging.getLogger(__name__)

#: How much of a file is in memory at once.
CHUNK_BYTES: Final = 1 << 20


class HangUp(Exception):
    """The connection is to be cut instead of an answer."""


class Body:
    """The body of a request, read once, from the start.

    Arguments:
        stream: The connection.
        length: How many bytes of it are this body.
    """

    def __init__(self, stream: BufferedIOBase, length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all that are left; fewer only at the end."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._stream.read(wanted) if wanted else b""
        self._left -= wanted
        if len(data) < wanted:
            raise HangUp("The client went away within a body.")
        return data

    def readline(self) -> bytes:
        """The bytes up to the next line end, and it."""
        line = self._stream.readline(self._left)
        self._left -= len(line)
        return line

    def skip(self) -> None:
        """Read what is left, so that the connection can carry the next request."""
        while self.read(CHUNK_BYTES):
            pass


class CodedBody(Body):
    """A body of unknown length, in HTTP's own chunks (`Transfer-Encoding: chunked`)."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self._reader = BufferedReader(_Decoded(stream))

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all that are left; fewer only at the end."""
        return self._reader.read(size)

    def readline(self) -> bytes:
        """The bytes up to the next line end, and it."""
        return self._reader.readline()


class _Decoded(RawIOBase):
    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream, self._left, self._ended = stream, 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left and not self._ended:
            self._open_chunk()
        data = self._stream.read(min(len(buffer), self._left)) if self._left else b""
        if self._left and not data:
            raise HangUp("The client went away within a body.")
        buffer[: len(data)] = data
        self._left -= len(data)
        if data and not self._left:
            self._stream.readline()
        return len(data)

    def _open_chunk(self) -> None:
        try:
            self._left = int(self._stream.readline().partition(b";")[0], 16)
        except ValueError:
            self._left = -1
        if self._left < 0:
            raise HangUp("The chunks of a body cannot be read.")
        self._ended = not self._left
        # Trailers, up to an empty line.
        while self._ended and self._stream.readline().strip():
            pass


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case, `query` holds each name's last value."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body


@dataclass(frozen=True, slots=True)
class FileBody:
    """A part of an open file, which the server closes after sending it."""

    file: BinaryIO
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back. `Content-Length` is set from the body, unless it is given."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FileBody = b""


#: Answers a request; called by many threads at once.
Application: TypeAlias = Callable[[Request], Response]


class WebServer(ThreadingHTTPServer):
    """A thread for each connection, all of which end with `stop`."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str, port: int) -> None:
        self.application: Application = _nothing_here
        self._open: dict[socket.socket, threading.Thread] = {}
        self._open_lock = threading.Lock()
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def start(self, application: Application) -> None:
        """Answer with this application from now on, in threads of its own."""
        self.application = application
        serve = threading.Thread(
            target=self.serve_forever, args=(0.1,), name="local-emr-http", daemon=True
        )
        serve.start()

    def stop(self) -> None:
        """Cut every connection and wait for what it was doing."""
        self.shutdown()
        with self._open_lock:
            connections = dict(self._open)
        for connection, thread in connections.items():
            cut(connection)
            thread.join()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end (called in its thread)."""
        with self._open_lock:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._open_lock:
                del self._open[request]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is logged."""
        log.debug("A connection ended badly.", exc_info=True)


def cut(connection: socket.socket) -> None:
    """End a connection, whatever it is doing."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("The connection was closed already.")


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    #: An answer leaves in one packet where it can.
    wbufsize = 1 << 16

    def handle_expect_100(self) -> bool:
        """Ask for the body; flushed, because botocore waits a second for this line."""
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def serve(self) -> None:
        """Answer one request."""
        request = self._request()
        try:
            response = self._answer(request)
            request.body.skip()
        except HangUp:
            self.close_connection = True
            cut(self.connection)
        else:
            self._send(response)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: a fleet calls all the time."""

    def _request(self) -> Request:
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        is_coded = headers.get("transfer-encoding", "").lower() == "chunked"
        length = int(headers.get("content-length") or 0)
        return Request(
            method=self.command,
            path=unquote(path),
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=headers,
            body=CodedBody(self.rfile) if is_coded else Body(self.rfile, length),
        )

    def _answer(self, request: Request) -> Response:
        try:
            return self.server.application(request)
        except HangUp:
            raise
        except Exception:
            # One broken call must not take the server down, nor leave its caller waiting.
            log.exception("%s %s failed.", request.method, request.path)
            return Response(500, {"Content-Type": "text/plain"}, b"The local EMR failed.\n")

    def _send(self, response: Response) -> None:
        body = response.body
        length = body.length if isinstance(body, FileBody) else len(body)
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status not in (204, 304) and "Content-Length" not in response.headers:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if isinstance(body, FileBody):
            self._send_file(body)
        elif self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _send_file(self, body: FileBody) -> None:
        with body.file as file:
            file.seek(body.start)
            left = body.length
            while left and (data := file.read(min(left, CHUNK_BYTES))):
                self.wfile.write(data)
                left -= len(data)
        # A file that was cut meanwhile: the promised length cannot be kept any more.
        self.close_connection = self.close_connection or bool(left)


def _nothing_here(request: Request) -> Response:
    return Response(503)
