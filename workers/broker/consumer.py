"""Feeds Dramatiq's worker from one queue, across lost connections and deleted queues."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Protocol

import dramatiq
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.middleware import Shutdown

from ...models.errors import Retryable
from ...models.queues import SUSPECTS_QUEUE, WORK_QUEUES
from . import undone
from .course import Course
from .decoding import Unusable, burial
from .delivery import Delivery
from .fleet_message import FleetMessage
from .reconnecting import Backoff, Reconnecting
from .subscription import NOT_FOUND, Delivered, Subscription, SubscriptionLost
from .suspects import BURY_AT, SUSPECT_AT, read_suspect
from .undone import Undone

log = logging.getLogger(__name__)

#: Who has had nothing of a queue that is drained for so long, in seconds, leaves it.
LEAVE_AFTER = 2.0


class Ground(undone.Ground, Protocol):
    """What a consumer needs of its broker."""

    reconnecting: Reconnecting

    def course_of(self, queue: str) -> Course:
        """How the queue is consumed now."""

    def decode(self, delivery: Delivery) -> dramatiq.Message[Any]:
        """Say what runs for the delivery; raises Unusable."""

    def declare_what_is_missing(self) -> None:
        """Declare all again if something was noted; never raises."""


class FleetConsumer(Consumer):
    """The consumer of one queue; outlives its subscriptions. Dramatiq calls it from one thread of its own."""

    def __init__(self, ground: Ground, queue: str, prefetch: int, timeout: float) -> None:
        self._ground, self._queue = ground, queue
        self._prefetch, self._timeout = prefetch, timeout
        self._undone = Undone(ground, queue)
        self._subscription: Subscription | None = None
        self._backoff = Backoff()
        self._has_left = False

    @property
    def is_idle(self) -> bool:
        """Whether the queue is consumed, and all that came is settled."""
        subscription = self._subscription
        return bool(subscription and subscription.is_alive and subscription.idle_seconds > 0)

    def __next__(self) -> FleetMessage | None:
        """The next message, or None if none comes in time; never ends, never raises."""
        self._ground.declare_what_is_missing()
        self._has_left = self._has_left and self._ground.course_of(self._queue) is Course.LEAVE
        subscription = self._subscription or (None if self._has_left else self._subscribe())
        if subscription is None:
            time.sleep(min(self._timeout, 0.1))
            return None
        try:
            delivered = subscription.next(self._timeout)
        except SubscriptionLost as loss:
            self._on_loss(loss)
            return None
        if delivered is None:
            self._leave_if_done(subscription)
            return None
        return self._message(subscription, delivered)

    def ack(self, message: MessageProxy) -> None:
        """Called by the worker when the actor has returned."""
        assert isinstance(message, FleetMessage)
        message.subscription.ack(message.delivered.tag)

    def nack(self, message: MessageProxy) -> None:
        """Called by the worker when the actor has raised."""
        assert isinstance(message, FleetMessage)
        error, subscription, delivered = message.error, message.subscription, message.delivered
        if isinstance(error, Shutdown):
            subscription.requeue(delivered.tag)
        elif isinstance(error, Retryable):
            self._undone.try_again(subscription, delivered, error)
        elif delivered.verdict is not None:
            log.error("%s failed, and the job is not told: %r", message.actor_name, error)
            self._undone.bury(subscription, delivered, delivered.verdict)
        else:
            reason = f"{message.actor_name} failed: {type(error).__name__}: {error}"
            self._undone.give_up(subscription, delivered, reason)

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
        subscription = Subscription(
            link, self._queue, self._prefetch, self._ground.connection.signature
        )
        try:
            subscription.open()
        except SubscriptionLost as loss:
            self._on_loss(loss)
            return None
        log.info("Takes messages from %s.", self._queue)
        self._subscription = subscription
        return subscription

    def _leave_if_done(self, subscription: Subscription) -> None:
        is_left = self._ground.course_of(self._queue) is Course.LEAVE
        if is_left and subscription.idle_seconds > LEAVE_AFTER:
            # What comes in this very moment goes back to the queue with the channel.
            self.close()
            self._has_left = True
            log.info("Takes no more messages from %s, which is drained.", self._queue)

    def _on_loss(self, loss: SubscriptionLost) -> None:
        self._subscription = None
        if loss.code == NOT_FOUND:
            course = self._ground.course_of(self._queue)
            if course is Course.LEAVE:
                self._has_left = True
                return
            if course is Course.TAKE:
                self._ground.note_missing()
        pause = self._backoff.failed()
        log.warning(
            "Takes no messages from %s: %s; tried again in %.1f s.", self._queue, loss, pause
        )

    def _message(self, subscription: Subscription, delivered: Delivered) -> FleetMessage | None:
        if self._queue == SUSPECTS_QUEUE and not delivered.tries and not delivered.verdict:
            return self._suspect(subscription, delivered)
        if delivered.delivery.delivery_count >= SUSPECT_AT and self._queue != SUSPECTS_QUEUE:
            self._undone.set_apart(subscription, delivered)
            return None
        return self._decoded(subscription, delivered)

    def _suspect(self, subscription: Subscription, delivered: Delivered) -> FleetMessage | None:
        suspect = read_suspect(delivered.delivery)
        if suspect is None:
            reason = f"Published to {SUSPECTS_QUEUE}, where only workers publish."
            self._undone.bury(subscription, delivered, reason)
            return None
        as_it_came = replace(delivered, delivery=suspect.delivery)
        if suspect.is_next:
            return self._decoded(subscription, as_it_came)
        if suspect.is_condemned:
            self._condemn(subscription, as_it_came)
        elif delivered.is_rested or not suspect.pause:
            self._undone.run_alone(subscription, as_it_came, suspect.runs + 1)
        else:
            rested = replace(delivered, is_rested=True)
            subscription.hand_out_again(rested, after=suspect.pause)
        return None

    def _condemn(self, subscription: Subscription, delivered: Delivered) -> None:
        reason = (
            f"Handed out {delivered.delivery.deliveries - 1} times, and no worker answered, though it was "
            "run by itself at last: it kills its worker, or hangs it."
        )
        if delivered.delivery.delivery_count >= BURY_AT:
            self._undone.bury(subscription, delivered, reason)
        else:
            self._undone.give_up(subscription, delivered, reason)

    def _decoded(self, subscription: Subscription, delivered: Delivered) -> FleetMessage | None:
        delivery = delivered.delivery
        try:
            message = (
                burial(delivery, delivered.verdict)
                if delivered.verdict
                else self._ground.decode(delivery)
            )
        except Unusable as error:
            if delivery.queue in WORK_QUEUES:
                self._undone.bury(subscription, delivered, str(error))
            else:
                self._undone.give_up(subscription, delivered, str(error))
            return None
        # The worker settles a message with the consumer of the queue that it names.
        return FleetMessage(message.copy(queue_name=self._queue), delivered, subscription)
