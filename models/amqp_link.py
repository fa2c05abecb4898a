"""One connection to RabbitMQ, on a thread of its own, from its opening to its loss."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop
from pika.exceptions import (
    AMQPConnectionError,
    AuthenticationError,
    ConnectionOpenAborted,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    StreamLostError,
)

from .amqp_publishing import LinkLost, Publishing

log = logging.getLogger(__name__)

#: How long the peer has to answer when a connection is closed; then it is dropped.
GOODBYE_SECONDS = 3.0


class Link:
    """One connection. It never comes back: who finds it lost opens another."""

    def __init__(self, parameters: Any, confirm_timeout: float) -> None:
        self._parameters = parameters
        self._ioloop = IOLoop()
        self._lock = threading.Lock()
        self._loss: str | None = None
        self._why = "closed"
        self._is_open = threading.Event()
        self._listeners: list[Callable[[str], None]] = []
        self._pika: Any = None
        self._thread = threading.Thread(target=self._run, name="amqp", daemon=True)
        #: Why the broker takes no publications for now; None: it takes them.
        self.blocked: str | None = None
        self._blocked_at = 0.0
        self.publishing = Publishing(self, confirm_timeout, ready=self._is_open.set)

    def open(self, timeout: float) -> None:
        """Connect, and wait until it can publish.

        Raises:
            LinkLost: It did not come to that; says why.
        """
        self._thread.start()
        if not self._is_open.wait(timeout):
            self.abort(f"no answer within {timeout:g} s")
            raise LinkLost(f"no answer within {timeout:g} s")
        if self._loss is not None:
            raise LinkLost(self._loss)

    @property
    def is_alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._loss is None

    @property
    def blocked_seconds(self) -> float:
        """For how long the broker has taken no publications."""
        return time.monotonic() - self._blocked_at if self.blocked is not None else 0

    def call(self, function: Callable[[], None]) -> None:
        """Run the function on the link's thread soon, from any thread. It must not block.

        Raises:
            LinkLost: The link is down; the function will not run.
        """
        with self._lock:
            if self._loss is not None:
                raise LinkLost(self._loss)
            self._ioloop.add_callback_threadsafe(partial(_guarded, function))

    def call_later(self, seconds: float, function: Callable[[], None]) -> None:
        """Run the function later; only from the link's thread. Lost with the link."""
        self._ioloop.call_later(seconds, partial(_guarded, function))

    def open_channel(self, opened: Callable[[Any], None]) -> None:
        """Open a pika channel; only from the link's thread, as is every use of the channel."""
        self._pika.channel(on_open_callback=opened)

    def on_loss(self, listener: Callable[[str], None]) -> None:
        """Have the listener told, on the link's thread, when and why the link is lost.

        Raises:
            LinkLost: It is lost already.
        """
        with self._lock:
            if self._loss is not None:
                raise LinkLost(self._loss)
            self._listeners.append(listener)

    def forget(self, listener: Callable[[str], None]) -> None:
        """Tell the listener nothing more."""
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)

    def abort(self, why: str) -> None:
        """Drop the connection without a goodbye, from any thread; a peer may be too frozen for one."""
        with suppress(LinkLost):
            self.call(partial(self._drop, AMQPConnectionError(why)))

    def close(self) -> None:
        """Say goodbye and wait for the end; returns in a few seconds, whatever the peer does."""
        try:
            self.call(self._say_goodbye)
        except LinkLost:
            return
        self._thread.join(GOODBYE_SECONDS)
        self.abort("closed")
        self._thread.join(GOODBYE_SECONDS)

    def _run(self) -> None:
        try:
            self._pika = pika.SelectConnection(
                self._parameters,
                on_open_callback=self._on_open,
                on_open_error_callback=self._on_end,
                on_close_callback=self._on_end,
                custom_ioloop=self._ioloop,
            )
            self._loop()
        finally:
            self._tell_loss()
            self._ioloop.close()

    def _loop(self) -> None:
        try:
            self._ioloop.start()
        except Exception as error:
            # pika met a frame that it cannot read, or there is an error in a callback: nothing on this
            # connection can be trusted any more.
            log.exception("The connection to RabbitMQ is given up.")
            self._drop(error)
            self._ioloop.start()

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        self.publishing.open()

    def _on_blocked(self, _: Any, frame: Any) -> None:
        self.blocked, self._blocked_at = str(frame.method.reason), time.monotonic()
        log.warning("RabbitMQ takes no messages for now: %s.", self.blocked)

    def _on_unblocked(self, *_: Any) -> None:
        self.blocked = None
        log.info("RabbitMQ takes messages again.")

    def _on_end(self, _: Any, error: BaseException) -> None:
        self._why = why(error, self._parameters)
        self._ioloop.stop()

    def _tell_loss(self) -> None:
        with self._lock:
            self._loss = self._why
            listeners = list(self._listeners)
        self.publishing.fail(self._why)
        for listener in listeners:
            _guarded(partial(listener, self._why))
        self._is_open.set()

    def _drop(self, error: Exception) -> None:
        # pika's public close() waits for the peer; its heartbeat check ends a connection by this.
        self._pika._terminate_stream(error)

    def _say_goodbye(self) -> None:
        if self._pika.is_open:
            self._pika.close()


def why(error: BaseException, parameters: Any) -> str:
    """Say in a user's words why a connection ended; pika wraps the cause, several times."""
    cause = _innermost(error)
    if isinstance(cause, AuthenticationError | ProbableAuthenticationError):
        return "the user name or the password is refused"
    if isinstance(cause, ProbableAccessDeniedError):
        return f"the virtual host {parameters.virtual_host!r} does not exist, or is closed to this user"
    if isinstance(cause, ConnectionOpenAborted):
        # pika's own limit for one attempt has passed; the text of the error is about its inner state.
        return f"no answer within {parameters.stack_timeout:g} s"
    if isinstance(cause, StreamLostError):
        return "the other side closed the connection"
    if isinstance(cause, OSError):
        return (cause.strerror or str(cause) or type(cause).__name__).lower()
    return str(getattr(cause, "reply_text", cause)) or type(cause).__name__


def _innermost(error: BaseException) -> BaseException:
    inner = getattr(error, "exceptions", None) or [getattr(error, "exception", None), *error.args]
    found = next((each for each in reversed(inner) if isinstance(each, BaseException)), None)
    return _innermost(found) if found else error


def _guarded(function: Callable[[], None]) -> None:
    try:
        function()
    except Exception:
        log.exception("A call on the connection to RabbitMQ failed.")
