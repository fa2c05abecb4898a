"""Feeds Dramatiq's worker from one queue, across lost connections and deleted queues."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

import dramatiq
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.middleware import Shutdown

from ...models.amqp import AmqpConnection
from ...models.errors import PublishFailed, Retryable, ServiceUnavailable
from .dead_letters import dead_letter
from .decoding import Unusable
from .delivery import Delivery
from .fleet_message import FleetMessage
from .reconnecting import Backoff, Reconnecting
from .subscription import NOT_FOUND, Delivered, Subscription, SubscriptionLost

log = logging.getLogger(__name__)

#: The longest pause before a message that failed goes back to its queue. With the queue's delivery limit
#: it bounds how long a database may be away before messages are dead letters: about a quarter of an hour.
LONGEST_PAUSE_SECONDS = 60


class Ground(Protocol):
    """What a consumer needs of its broker."""

    connection: AmqpConnection
    reconnecting: Reconnecting

    def decode(self, delivery: Delivery) -> dramatiq.Message[Any]:
        """Say what runs for the delivery; raises Unusable."""

    def note_missing(self) -> None:
        """A queue or an exchange is not there any more."""

    def declare_what_is_missing(self) -> None:
        """Declare all again if something was noted; never raises."""


class FleetConsumer(Consumer):
    """The consumer of one queue; outlives its subscriptions. Dramatiq calls it from one thread of its own."""

    def __init__(self, ground: Ground, queue: str, prefetch: int, timeout: float) -> None:
        self._ground, self._queue = ground, queue
        self._prefetch, self._timeout = prefetch, timeout
        self._subscription: Subscription | None = None
        self._backoff = Backoff()

    def __next__(self) -> FleetMessage | None:
        """The next message, or None if none comes in time; never ends, never raises."""
        self._ground.declare_what_is_missing()
        subscription = self._subscription or self._subscribe()
        if subscription is None:
            time.sleep(min(self._timeout, 0.1))
            return None
        try:
            delivered = subscription.next(self._timeout)
        except SubscriptionLost as loss:
            self._on_loss(loss)
            return None
        return self._message(subscription, delivered) if delivered else None

    def ack(self, message: MessageProxy) -> None:
        """Called by the worker when the actor has returned."""
        assert isinstance(message, FleetMessage)
        message.subscription.ack(message.tag)

    def nack(self, message: MessageProxy) -> None:
        """Called by the worker when the actor has raised."""
        assert isinstance(message, FleetMessage)
        error, delivery = message.error, message.delivery
        if isinstance(error, Retryable | Shutdown):
            pause = min(LONGEST_PAUSE_SECONDS, 2 ** min(delivery.delivery_count, 10))
            log.warning("%s will be tried again in %d s: %s", message, pause, error)
            message.subscription.requeue(message.tag, after=pause)
            return
        reason = f"{message.actor_name} failed: {type(error).__name__}: {error}"
        self._bury(message.subscription, Delivered(message.tag, delivery), reason)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Called by the worker when it stops; closing the channel gives back what was not worked at."""

    def close(self) -> None:
        """Called by the worker when it has stopped."""
        if self._subscription:
            self._subscription.close()
            self._subscription = None

    def _subscribe(self) -> Subscription | None:
        link = self._ground.reconnecting.link() if self._backoff.is_due else None
        if link is None:
            return None
        subscription = Subscription(link, self._queue, self._prefetch)
        try:
            subscription.open()
        except SubscriptionLost as loss:
            self._on_loss(loss)
            return None
        log.info("Takes messages from %s.", self._queue)
        self._subscription = subscription
        return subscription

    def _on_loss(self, loss: SubscriptionLost) -> None:
        self._subscription = None
        if loss.code == NOT_FOUND:
            self._ground.note_missing()
        pause = self._backoff.failed()
        log.warning(
            "Takes no messages from %s: %s; tried again in %.1f s.", self._queue, loss, pause
        )

    def _message(self, subscription: Subscription, delivered: Delivered) -> FleetMessage | None:
        try:
            message = self._ground.decode(delivered.delivery)
        except Unusable as error:
            self._bury(subscription, delivered, str(error))
            return None
        return FleetMessage(message, delivered.delivery, subscription, delivered.tag)

    def _bury(self, subscription: Subscription, delivered: Delivered, reason: str) -> None:
        log.warning("A message becomes a dead letter: %r: %s", delivered.delivery, reason)
        try:
            letter = dead_letter(delivered.delivery, reason)
            future = self._ground.connection.publish(letter)
        except (PublishFailed, ServiceUnavailable) as error:
            self._keep(subscription, delivered, error)
            return
        future.add_done_callback(partial(self._on_buried, subscription, delivered))

    def _on_buried(
        self, subscription: Subscription, delivered: Delivered, future: Future[None]
    ) -> None:
        # The message leaves its queue only when the broker has the letter.
        if error := future.exception():
            self._ground.note_missing()
            self._keep(subscription, delivered, error)
        else:
            subscription.ack(delivered.tag)

    def _keep(self, subscription: Subscription, delivered: Delivered, error: BaseException) -> None:
        log.error("The dead letter of %r cannot be published: %s", delivered.delivery, error)
        pause = min(LONGEST_PAUSE_SECONDS, 2 ** min(delivered.delivery.delivery_count, 10))
        subscription.requeue(delivered.tag, after=pause)
