"""One queue consumed on one channel: hands deliveries out, takes their settlements, until it is lost."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from ...models.amqp import Link, LinkLost
from .delivery import Delivery

log = logging.getLogger(__name__)

#: How long RabbitMQ has to answer that a queue is consumed, or a channel closed.
ANSWER_SECONDS = 10.0

#: AMQP's reply code for a queue that is not there.
NOT_FOUND = 404


class SubscriptionLost(Exception):
    """The channel is closed; what it delivered and was not settled, RabbitMQ delivers again."""

    def __init__(self, why: str, code: int = 0) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery, with the tag that settles it on its own channel, and on no other."""

    tag: int
    delivery: Delivery
    #: When it came, by the monotonic clock.
    since: float = field(default_factory=time.monotonic)
    #: How often its actor asked for another try.
    tries: int = 0
    #: Whether the pause before it is run is over.
    is_rested: bool = False
    #: Why it is a dead letter, where its job is to be told first.
    verdict: str | None = None


class Subscription:
    """What comes from one queue by one channel. Once lost, it never settles anything again.

    Delivery tags are numbers that every channel counts from 1. A tag of a lost channel, sent on its
    successor, would settle a message that nobody has worked at: so each channel has its own object, and
    a message keeps hold of the one that it came by.

    Arguments:
        signature: See Delivery.of.
    """

    def __init__(self, link: Link, queue: str, prefetch: int, signature: str | None = None) -> None:
        self._link, self._queue, self._prefetch = link, queue, prefetch
        self._signature = signature
        self._inbox: SimpleQueue[Delivered | None] = SimpleQueue()
        self._channel: Any = None
        self._loss: SubscriptionLost | None = None
        self._is_settled = threading.Event()
        self._is_closed = threading.Event()
        self._lock = threading.Lock()
        self._acks: list[int] = []
        self._is_called = False
        self._settled = _Settled()
        self._delivered = self._done = 0
        self._changed_at = time.monotonic()

    def open(self) -> None:
        """Start to consume, and wait until RabbitMQ agrees. Not from the link's own thread.

        Raises:
            SubscriptionLost: It does not; the code says whether the queue is missing.
        """
        try:
            self._link.on_loss(self._on_loss)
            self._link.call(lambda: self._link.open_channel(self._on_channel))
        except LinkLost as error:
            raise SubscriptionLost(str(error)) from error
        if not self._is_settled.wait(ANSWER_SECONDS):
            self.close()
            raise SubscriptionLost(f"no answer within {ANSWER_SECONDS:g} s")
        if self._loss:
            self._link.forget(self._on_loss)
            raise self._loss

    @property
    def is_alive(self) -> bool:
        """Whether what it delivered can still be settled."""
        return self._loss is None

    @property
    def idle_seconds(self) -> float:
        """For how long all that was delivered has been settled; 0 while something is not."""
        return time.monotonic() - self._changed_at if self._delivered == self._done else 0

    def next(self, timeout: float) -> Delivered | None:
        """The next delivery, if one comes in time.

        Raises:
            SubscriptionLost: The channel is closed; what it had prefetched is not handed out any more.
        """
        with suppress(Empty):
            delivered = self._inbox.get(timeout=timeout)
            if not self._loss:
                return delivered
        if self._loss:
            raise self._loss
        return None

    def ack(self, tag: int) -> None:
        """Tell RabbitMQ that the message is done; from any thread. Sent with others, in a moment."""
        with self._lock:
            self._acks.append(tag)
            is_first, self._is_called = not self._is_called, True
        if is_first:
            self._call(self._flush)

    def requeue(self, tag: int, *, after: float = 0) -> None:
        """Give the message back to its queue, after a pause in seconds; from any thread."""
        self._call(lambda: self._link.call_later(after, partial(self._give_back, tag)))

    def hand_out_again(self, delivered: Delivered, *, after: float = 0) -> None:
        """Give it to this worker again, after a pause in seconds; from any thread.

        RabbitMQ knows nothing of it, and so counts nothing. Lost with the subscription, as all that is
        not settled.
        """
        self._call(lambda: self._link.call_later(after, partial(self._inbox.put, delivered)))

    def close(self) -> None:
        """Send the settlements that are due and close the channel; RabbitMQ takes the rest back."""
        self._call(self._close)
        if self.is_alive:
            self._is_closed.wait(ANSWER_SECONDS)
        self._link.forget(self._on_loss)
        self._lose(SubscriptionLost("closed"))

    def _call(self, function: Any) -> None:
        try:
            self._link.call(function)
        except LinkLost:
            log.debug(
                "A settlement is dropped: its connection is lost, and RabbitMQ delivers again."
            )

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_cancel_callback(self._on_cancel)
        channel.basic_qos(prefetch_count=self._prefetch, callback=self._consume)

    def _consume(self, _: Any) -> None:
        self._channel.basic_consume(
            self._queue, self._on_delivery, callback=lambda _: self._is_settled.set()
        )

    def _on_delivery(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        self._delivered += 1
        delivery = Delivery.of(self._queue, method, properties, body, self._signature)
        self._inbox.put(Delivered(method.delivery_tag, delivery))

    def _on_cancel(self, _: Any) -> None:
        # The queue was deleted, or has lost its leader.
        self._lose(SubscriptionLost("RabbitMQ cancelled the consumer"))
        if self._channel.is_open:
            self._channel.close()

    def _on_channel_closed(self, _: Any, reason: Any) -> None:
        self._lose(SubscriptionLost(str(reason), getattr(reason, "reply_code", 0)))

    def _on_loss(self, why: str) -> None:
        self._lose(SubscriptionLost(why))

    def _lose(self, loss: SubscriptionLost) -> None:
        if self._loss is None:
            self._loss = loss
        self._is_settled.set()
        self._is_closed.set()
        self._inbox.put(None)

    def _close(self) -> None:
        if self._channel is not None and self._channel.is_open:
            self._flush()
            self._channel.close()

    def _flush(self) -> None:
        with self._lock:
            acks, self._acks, self._is_called = self._acks, [], False
        if self._loss or not self._channel.is_open:
            return
        together, alone = self._settled.add(acks)
        if together:
            self._channel.basic_ack(max(together), multiple=len(together) > 1)
        for tag in alone:
            self._channel.basic_ack(tag)
        self._note_done(len(acks))

    def _give_back(self, tag: int) -> None:
        if self._loss or not self._channel.is_open:
            return
        self._settled.add([tag])
        self._channel.basic_nack(tag, requeue=True)
        self._note_done(1)

    def _note_done(self, count: int) -> None:
        self._done += count
        self._changed_at = time.monotonic()


class _Settled:
    """Which tags are settled: an ack of all tags up to one is right when there is no gap below it."""

    def __init__(self) -> None:
        self._floor = 0
        self._above: set[int] = set()

    def add(self, tags: list[int]) -> tuple[list[int], list[int]]:
        """Note the tags; returns those that one ack can cover, and those that need one each."""
        self._above.update(tags)
        while self._floor + 1 in self._above:
            self._floor += 1
            self._above.remove(self._floor)
        return [tag for tag in tags if tag <= self._floor], [
            tag for tag in tags if tag > self._floor
        ]
