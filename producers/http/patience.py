"""How long a client may take to send its request: a thread that waits for it serves nobody else."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker

#: How long a client may be silent in the middle of a request, in seconds.
SILENT_SECONDS: Final = 30.0

#: How long a whole request may take, in seconds; and for how much of it, in bytes, it is given one more.
BEGIN_SECONDS: Final = 30.0
BYTES_PER_SECOND: Final = 16 * 1024


class PatientSocket(socket.socket):
    """A client's socket that is not waited for without an end.

    Where it is too slow, it is as if the client had hung up: that is what all who read are used to.
    """

    _begun, _received = 0.0, 0
    _silent, _begin = SILENT_SECONDS, BEGIN_SECONDS

    @classmethod
    def of(cls, client: socket.socket, silent: float, begin: float) -> PatientSocket:
        """The same connection; the given object is of no use any more."""
        timeout = client.gettimeout()
        made = cls(fileno=client.detach())
        made.settimeout(timeout)
        made._silent, made._begin = silent, begin
        made.begin()
        return made

    def begin(self) -> None:
        """A request is expected from now on."""
        self._begun, self._received = time.monotonic(), 0

    def setblocking(self, flag: bool, /) -> None:
        """To block is to wait for a while only; so is an answer that the client does not take."""
        if flag:
            self.settimeout(self._silent)
        else:
            super().setblocking(False)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As ever, but in time."""
        allowed = self._begin + self._received / BYTES_PER_SECOND
        left = self._begun + allowed - time.monotonic()
        with _as_if_hung_up():
            if left <= 0:
                raise TimeoutError
            self.settimeout(min(self._silent, left))
            found = super().recv(size, flags)
        self.settimeout(self._silent)
        self._received += len(found)
        return found

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """As ever, but in time: for each piece that the server writes."""
        with _as_if_hung_up():
            super().sendall(data, flags)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """As ever, but the client must go on taking it."""
        with _as_if_hung_up():
            return super().sendfile(file, offset, count)


@contextmanager
def _as_if_hung_up() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise ConnectionResetError(errno.ECONNRESET, "the client is too slow") from error


class PatientWorker(ThreadWorker):
    """gunicorn's worker with threads, none of which a client can hold by sending slowly."""

    silent_seconds = SILENT_SECONDS
    begin_seconds = BEGIN_SECONDS

    def handle(self, conn: Any) -> Any:
        """Called in a thread, for each request of a connection."""
        if isinstance(conn.sock, PatientSocket):
            conn.sock.begin()
        elif not conn.initialized:
            conn.sock = PatientSocket.of(conn.sock, self.silent_seconds, self.begin_seconds)
        return super().handle(conn)
