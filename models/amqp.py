"""The one connection of a process to RabbitMQ: made when needed, made again when lost."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import pika

from .amqp_link import Link
from .amqp_publishing import LinkLost, OutcomeUnknown, Outgoing
from .errors import BadSetting, PublishFailed, ServiceUnavailable

__all__ = ["AmqpConnection", "Link", "LinkLost", "Outgoing", "OutcomeUnknown", "masked_url"]

log = logging.getLogger(__name__)

#: What the URL's query may say otherwise, under pika's names.
DEFAULTS: dict[str, float] = {
    # A C call may hold the GIL for a while; a heartbeat of a few seconds would not survive it.
    "heartbeat": 60,
    # While RabbitMQ is low on memory it reads nothing from who publishes. Reconnecting helps nobody,
    # and counts as one more delivery of each message in hand: so not before some minutes.
    "blocked_connection_timeout": 300,
    "socket_timeout": 4,
    "stack_timeout": 5,
}

#: How long connecting may take, name lookup and several addresses included.
CONNECT_SECONDS = 8.0

#: How long the broker has to confirm a message.
CONFIRM_SECONDS = 15.0

#: How many messages may wait for their confirm; who publishes more waits for one of them.
WINDOW = 500


class AmqpConnection:
    """A connection that any thread may publish on; also the ground that consumers stand on.

    It connects at the first use, from whichever thread that is, and again at the first use after a loss.
    A thread of its own does all I/O, so it must not be used before a fork: the child would have the socket
    without the thread.

    Arguments:
        confirm_timeout: Seconds that RabbitMQ has to confirm a message.
        window: How many messages may wait for their confirm.
        signs: Whether RabbitMQ is to vouch, by `user_id`, for who has published each message.
    """

    def __init__(
        self,
        url: str,
        *,
        confirm_timeout: float = CONFIRM_SECONDS,
        window: int = WINDOW,
        signs: bool = False,
    ) -> None:
        self.parameters = _parameters(url)
        self._signs = signs
        self.address = masked_url(url)
        self._confirm_timeout = confirm_timeout
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._failure: tuple[float, str] | None = None
        self._is_closed = False
        self._window = _Window(window)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def user(self) -> str:
        """The name that the broker knows this connection's user by."""
        return str(self.parameters.credentials.username)

    @property
    def signature(self) -> str | None:
        """What `user_id` tells of a message that came by this user's hands; None where it tells nothing."""
        return self.user if self._signs else None

    def link(self) -> Link:
        """The link that stands, or a new one.

        Raises:
            ServiceUnavailable: RabbitMQ cannot be reached, or refuses; said within some seconds.
        """
        asked_at = time.monotonic()
        with self._lock:
            if self._is_closed:
                raise self._unavailable("this connection was closed")
            if self._link and self._link.is_alive:
                return self._link
            if self._failure and self._failure[0] >= asked_at:
                # It failed while this thread waited its turn: it need not wait as long again.
                raise self._unavailable(self._failure[1])
            return self._connect()

    def publish(self, outgoing: Outgoing) -> Future[None]:
        """Send a message; the future ends when the broker has confirmed it.

            The future's errors: PublishFailed (OutcomeUnknown: it may have arrived), Unroutable. One of them
            comes within the confirm timeout, whatever state the broker is in. Not from the link's own thread.

            Raises:
                ServiceUnavailable: RabbitMQ cannot be reached.
        PublishFailed: It takes nothing for now: messages wait for their confirm until no other can be
                    sent, or it has been low on memory or disk for longer than the confirm timeout.
        """
        if not self._window.enter(self._confirm_timeout):
            raise PublishFailed(
                f"RabbitMQ at {self.address} has confirmed nothing for {self._confirm_timeout:g} s. Publish it again."
            )
        if self._signs:
            outgoing.properties.user_id = self.user
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # what is on its way cannot be called back
        future.add_done_callback(lambda _: self._window.leave())
        try:
            link = self.link()
            if link.blocked_seconds > self._confirm_timeout:
                # Who publishes thousands must not wait for each.
                raise PublishFailed(f"RabbitMQ takes no messages for now: {link.blocked}.")
            link.publishing.submit(outgoing, future)
        except LinkLost as error:
            future.set_exception(OutcomeUnknown(f"RabbitMQ was lost: {error}. Publish it again."))
        except BaseException as error:
            future.set_exception(error)
            raise
        return future

    def publish_all(self, messages: Sequence[Outgoing]) -> None:
        """Send messages, and wait until the broker has all of them.

        Raises:
            ServiceUnavailable, PublishFailed, Unroutable: The first failure, after all others have ended.
        """
        futures = [self.publish(message) for message in messages]
        errors = [error for error in [future.exception() for future in futures] if error]
        if errors:
            raise errors[0]

    def close(self) -> None:
        """Wait for the confirms that are due, and disconnect; it does not come back."""
        with self._lock:
            self._is_closed = True
            link, self._link = self._link, None
        if link:
            self._window.wait_until_empty(self._confirm_timeout)
            link.close()

    def _connect(self) -> Link:
        link = Link(self.parameters, self._confirm_timeout)
        try:
            link.open(CONNECT_SECONDS)
            link.on_loss(self._on_loss)
        except LinkLost as error:
            self._failure = (time.monotonic(), str(error))
            raise self._unavailable(str(error)) from error
        log.info("Connected to RabbitMQ at %s.", self.address)
        self._link = link
        return link

    def _on_loss(self, why: str) -> None:
        if not self._is_closed:
            log.warning("Lost the connection to RabbitMQ at %s: %s.", self.address, why)

    def _unavailable(self, why: str) -> ServiceUnavailable:
        return ServiceUnavailable("RabbitMQ", self.address, why, "Check TAGFLEET_AMQP_URL.")


class _Window:
    def __init__(self, size: int) -> None:
        self._size, self._taken = size, 0
        self._changed = threading.Condition()

    def enter(self, timeout: float) -> bool:
        with self._changed:
            if not self._changed.wait_for(lambda: self._taken < self._size, timeout):
                return False
            self._taken += 1
            return True

    def leave(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def wait_until_empty(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._taken, timeout)


def masked_url(url: str) -> str:
    """The address in an AMQP URL, without the credentials and the options: fit for a log."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
    except ValueError:
        return "an address that cannot be read"


def _parameters(url: str) -> Any:
    try:
        if urlsplit(url).scheme not in ("amqp", "amqps"):
            raise ValueError(url)
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadSetting(
            "TAGFLEET_AMQP_URL",
            masked_url(url),
            "amqp://user:password@host:5672/vhost or amqps://...",
        ) from error
    chosen = parse_qs(urlsplit(url).query)
    for name, value in DEFAULTS.items():
        if name not in chosen:
            setattr(parameters, name, value)
    name = f"tagfleet on {socket.gethostname()}, process {os.getpid()}"
    parameters.client_properties = {"connection_name": name}
    return parameters
