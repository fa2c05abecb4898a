"""What is published on one link and not confirmed yet: every publication is settled, by one way or another."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from pika.spec import Basic

from .errors import PublishFailed, Unroutable
from .queues import queue_behind

log = logging.getLogger(__name__)

#: How much later than its timeout an unconfirmed publication may be noticed.
WATCH_SECONDS = 0.25


class LinkLost(Exception):
    """The connection to RabbitMQ is down; the text says why."""


class OutcomeUnknown(PublishFailed):
    """The link was lost before the broker confirmed: it may have the message; publish it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to publish."""

    #: "" is the default exchange, whose routing keys are the names of queues.
    exchange: str
    routing_key: str
    body: bytes
    #: A `pika.BasicProperties`.
    properties: Any
    #: Without a queue to take it the message is an error, not gone.
    mandatory: bool = True


@dataclass(slots=True, eq=False)
class _Flight:
    outgoing: Outgoing
    future: Future[None]
    since: float
    returned: bool = False

    def fail(self, error: Exception) -> None:
        self.future.set_exception(error)

    def is_what_came_back(self, method: Any, properties: Any, body: bytes) -> bool:
        sent = self.outgoing
        return (
            not self.returned
            and sent.routing_key == method.routing_key
            and sent.exchange == method.exchange
            and sent.properties.message_id == properties.message_id
            and sent.body == body
        )


class IoThread(Protocol):
    """What a link does for what is published on it."""

    #: Why the broker takes no publications for now; None: it takes them.
    blocked: str | None

    def call(self, function: Callable[[], None]) -> None:
        """Run the function on the link's thread soon; raises LinkLost."""

    def call_later(self, seconds: float, function: Callable[[], None]) -> None:
        """Run the function later; only from the link's thread."""

    def open_channel(self, opened: Callable[[Any], None]) -> None:
        """Open a channel; only from the link's thread."""

    def abort(self, why: str) -> None:
        """Give the connection up."""


class Publishing:
    """The publishing channel of a link. Only `submit` may be called from other threads."""

    def __init__(self, link: IoThread, confirm_timeout: float, ready: Callable[[], None]) -> None:
        self._link, self._confirm_timeout, self._ready = link, confirm_timeout, ready
        self._lock = threading.Lock()
        self._outbox: list[_Flight] = []
        self._is_called = False
        self._lost: str | None = None
        self._channel: Any = None
        self._last_tag = 0
        # By delivery tag, oldest first: tags only grow.
        self._in_flight: dict[int, _Flight] = {}
        self._is_watching = False

    def submit(self, outgoing: Outgoing, future: Future[None]) -> None:
        """Publish soon; the future ends with the broker's answer, or without it when the link is lost.

        Raises:
            LinkLost: The link is down; nothing was sent, and the future is untouched.
        """
        with self._lock:
            if self._lost is not None:
                raise LinkLost(self._lost)
            self._outbox.append(_Flight(outgoing, future, time.monotonic()))
            is_first, self._is_called = not self._is_called, True
        # One wake-up for all that is submitted meanwhile: waking the thread costs a system call.
        if is_first:
            with suppress(LinkLost):  # then fail() settles what stands in the outbox
                self._link.call(self._drain)

    def open(self) -> None:
        """Open the channel, at the start and whenever RabbitMQ has closed it."""
        self._link.open_channel(self._on_channel)

    def fail(self, why: str) -> None:
        """Settle everything: the link is lost."""
        with self._lock:
            self._lost = why
            flights = [*self._in_flight.values(), *self._outbox]
            self._outbox.clear()
        self._in_flight.clear()
        _fail(flights, why)

    def _on_channel(self, channel: Any) -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=lambda _: self._on_open(channel))

    def _on_open(self, channel: Any) -> None:
        self._channel, self._last_tag = channel, 0
        self._ready()
        self._drain()

    def _on_channel_closed(self, channel: Any, reason: Exception) -> None:
        if channel is not self._channel:
            return
        self._channel = None
        if not channel.connection.is_open:
            return  # the link is lost as well: fail() settles all, once it is known to be lost
        flights = list(self._in_flight.values())
        self._in_flight.clear()
        why = getattr(reason, "reply_text", str(reason))
        _fail(flights, why)
        log.warning("RabbitMQ closed the publishing channel: %s", why)
        self.open()

    def _drain(self) -> None:
        with self._lock:
            self._is_called = False
            flights: list[_Flight] = []
            if self._channel:
                flights, self._outbox = self._outbox, []
        for flight in flights:
            self._send(flight)
        self._watch()

    def _send(self, flight: _Flight) -> None:
        sent = flight.outgoing
        try:
            self._channel.basic_publish(
                sent.exchange, sent.routing_key, sent.body, sent.properties, sent.mandatory
            )
        except Exception as error:  # a property that AMQP cannot carry; nothing was sent
            what = f"{type(error).__name__}: {str(error)[:200]}"
            flight.fail(PublishFailed(f"The message cannot be published: {what}"))
            return
        self._last_tag += 1
        self._in_flight[self._last_tag] = flight

    def _on_return(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        # A returned message comes without its tag, just before its ack. Of two that are alike in all
        # that routes and identifies them, it does not matter which is told.
        for flight in self._in_flight.values():
            if flight.is_what_came_back(method, properties, body):
                flight.returned = True
                return

    def _on_confirm(self, frame: Any) -> None:
        is_acked = isinstance(frame.method, Basic.Ack)
        for flight in self._settled_by(frame.method):
            if not is_acked:
                flight.fail(PublishFailed(_refusal(flight.outgoing)))
            elif flight.returned:
                flight.fail(Unroutable(flight.outgoing.routing_key))
            else:
                flight.future.set_result(None)

    def _settled_by(self, method: Any) -> list[_Flight]:
        tags = [method.delivery_tag]
        if method.multiple:
            tags = []
            for tag in self._in_flight:
                if tag > method.delivery_tag:
                    break
                tags.append(tag)
        return [self._in_flight.pop(tag) for tag in tags if tag in self._in_flight]

    def _watch(self) -> None:
        if not self._is_watching and (self._in_flight or self._outbox):
            self._is_watching = True
            self._link.call_later(WATCH_SECONDS, self._end_what_took_too_long)

    def _end_what_took_too_long(self) -> None:
        self._is_watching = False
        long_ago = time.monotonic() - self._confirm_timeout
        late = {tag: each for tag, each in self._in_flight.items() if each.since <= long_ago}
        with self._lock:
            unsent = [flight for flight in self._outbox if flight.since <= long_ago]
        if (late or unsent) and self._link.blocked is None:
            # Frozen, or cut off: whoever comes next must not wait on the same dead connection.
            self._link.abort(f"no confirm within {self._confirm_timeout:g} s")
            return
        # A blocked connection still delivers; it is kept, so that no delivery counts as a failure.
        for tag in late:
            del self._in_flight[tag]
        _fail(late.values(), f"it takes no messages for now: {self._link.blocked}")
        self._watch()


def _fail(flights: Iterable[_Flight], why: str) -> None:
    for flight in flights:
        flight.fail(
            OutcomeUnknown(f"RabbitMQ did not confirm the message: {why}. Publish it again.")
        )


def _refusal(outgoing: Outgoing) -> str:
    queue = queue_behind(outgoing.exchange, outgoing.routing_key)
    return (
        f"RabbitMQ refused the message: the queue {queue!r} is full, or failing. Nothing was accepted: "
        "publish it again when the workers have caught up; start more of them, or have an admin raise the "
        "`max-length` of the queue's policy."
    )
