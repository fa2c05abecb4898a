"""Server-sent events (WHATWG HTML, 9.2): how they are written, how many at once, and for how long."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from flask import Flask, Response, current_app
from mongoengine.errors import OperationError
from pymongo.errors import PyMongoError

from ....models.errors import TagfleetError
from ..problems import Problem
from .changes import Changes

log = logging.getLogger(__name__)

#: After so long a stream ends, and its client comes again from where it was, in seconds.
STREAM_SECONDS: Final = 300.0

#: So often something is written, in seconds: a client that has gone away is noticed by nothing else.
BEAT_SECONDS: Final = 15.0

#: How often a stream looks whether the server is to stop, in seconds.
TURN_SECONDS: Final = 1.0

#: When a client comes again, in milliseconds.
_RETRY_MILLISECONDS: Final = 2000

_EXTENSION: Final = "tagfleet-streams"


class Streams:
    """The streams of a server.

    Arguments:
        most: So many at once: each holds a thread, and those who submit need some.
    """

    def __init__(self, most: int) -> None:
        self.changes = Changes()
        self._free = threading.BoundedSemaphore(most)
        self._most = most
        #: Whether the server goes on.
        self.goes_on: Callable[[], bool] = lambda: True

    def take(self) -> None:
        """Take a place for a stream; `give_back` must follow.

        Raises:
            Problem: 503, there is none.
        """
        if not self._free.acquire(blocking=False):
            raise Problem(
                503,
                f"{self._most} streams are open, and no more are served at once (tagfleet api --threads).",
                retry_after=10,
            )

    def give_back(self) -> None:
        """Give a place back."""
        self._free.release()


def install(app: Flask, most: int) -> None:
    """Let an application have streams."""
    app.extensions[_EXTENSION] = Streams(most)


def streams(app: Flask | None = None) -> Streams:
    """The streams of an application; of the present request's, where none is named."""
    found: Streams = (app or current_app).extensions[_EXTENSION]
    return found


def respond(events: Callable[[Streams, Turns], Iterator[str]]) -> Response:
    """The answer that is a stream.

    Arguments:
        events: Gives what is written; asks the turns whether to go on.

    Raises:
        Problem: 503, too many are open.
    """
    these = streams()
    these.take()
    answer = Response(_written(these, events), mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    # nginx keeps answers back until they are whole, unless it is told.
    answer.headers["X-Accel-Buffering"] = "no"
    # Also where nothing was ever written, because the client had gone.
    answer.call_on_close(_once(these.give_back))
    return answer


class Turns:
    """For how long a stream goes on, and when it has been silent for too long."""

    def __init__(self, these: Streams) -> None:
        self._streams = these
        self._end = time.monotonic() + STREAM_SECONDS
        self._beat = time.monotonic() + BEAT_SECONDS

    def go_on(self) -> bool:
        """Whether there is another turn."""
        return self._streams.goes_on() and time.monotonic() < self._end

    def beat(self) -> Iterator[str]:
        """A comment, if nothing was written for a while."""
        if time.monotonic() >= self._beat:
            self._beat = time.monotonic() + BEAT_SECONDS
            yield ": still here\n\n"


def event(data: Mapping[str, Any] | str, *, event_id: str, name: str | None = None) -> str:
    """One event; each line of its data is a line of the stream."""
    text = data if isinstance(data, str) else json.dumps(data)
    lines = [f"event: {name}"] if name else []
    lines.append(f"id: {event_id}")
    # All that the standard takes for an end of line, and no more.
    lines += [
        f"data: {line}" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ]
    return "\n".join(lines) + "\n\n"


def _written(these: Streams, events: Callable[[Streams, Turns], Iterator[str]]) -> Iterator[bytes]:
    yield f"retry: {_RETRY_MILLISECONDS}\n\n".encode()
    try:
        for text in events(these, Turns(these)):
            yield text.encode()
    except (TagfleetError, PyMongoError, OperationError) as error:
        # Its client comes again from where it was, and is told why if it is so still.
        log.info(f"A stream ended early: {error}", extra={"action": "stream-ended"})


def _once(function: Callable[[], None]) -> Callable[[], None]:
    done = threading.Event()

    def call() -> None:
        if not done.is_set():
            done.set()
            function()

    return call
