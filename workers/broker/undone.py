"""What becomes of a message that was not done: tried again, set apart, or kept as a dead letter."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from ...models.amqp import AmqpConnection, Outgoing
from ...models.errors import PublishFailed, Retryable, ServiceUnavailable
from ...models.passing import pause
from ...models.queues import SUSPECTS_QUEUE, WORK_QUEUES
from ...monitoring import recorder
from .copies import copy_of
from .dead_letters import dead_letter
from .decoding import BURY_ACTOR
from .subscription import Delivered, Subscription
from .suspects import suspect

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how long a worker tries what may work later. What it holds is counted as nobody's failure."""

    #: The longest pause between two tries, in seconds; the first are shorter.
    longest_pause: float = 60.0
    #: After so many seconds a request is published anew: RabbitMQ takes back what is held for 30 minutes
    #: and all else that the worker has in hand with it, and another worker may have more luck.
    hold: float = 600.0
    #: How often the fleet's own work is tried. The clock rings for it again, from what the database says.
    work_tries: int = 8


class Ground(Protocol):
    """What is needed of the broker."""

    connection: AmqpConnection
    patience: Patience

    @property
    def actor_names(self) -> Collection[str]:
        """What can be run."""

    def note_missing(self) -> None:
        """A queue or an exchange is not there any more."""


class Undone:
    """Settles what comes by one queue and is not done. Nothing leaves its queue before it is elsewhere."""

    def __init__(self, ground: Ground, queue: str) -> None:
        self._ground, self._queue = ground, queue

    def try_again(self, subscription: Subscription, delivered: Delivered, error: Retryable) -> None:
        """Its actor says that it may work later."""
        if self._queue == SUSPECTS_QUEUE and delivered.verdict is None:
            self._absolve(subscription, delivered, error)
            return
        delivered = replace(delivered, tries=delivered.tries + 1)
        patience = self._ground.patience
        seconds = pause(delivered.tries, longest=patience.longest_pause)
        what = delivered.delivery
        is_rung_again = what.queue in WORK_QUEUES and delivered.verdict is None
        if is_rung_again and delivered.tries >= patience.work_tries:
            log.warning("%r is given up; the clock rings for it again: %s", what, error)
            subscription.ack(delivered.tag)
        elif time.monotonic() + seconds - delivered.since > patience.hold:
            log.warning("%r is published anew: %s", what, error)
            self._move(
                subscription,
                delivered,
                copy_of(what, exchange=what.exchange, routing_key=what.routing_key, headers={}),
            )
        else:
            log.warning("%r is tried again in %.1f s: %s", what, seconds, error)
            subscription.hand_out_again(delivered, after=seconds)

    def give_up(self, subscription: Subscription, delivered: Delivered, reason: str) -> None:
        """It will never work: its job is told first, where there is an actor for that."""
        if delivered.verdict is None and BURY_ACTOR in self._ground.actor_names:
            subscription.hand_out_again(replace(delivered, verdict=reason))
        else:
            self.bury(subscription, delivered, reason)

    def bury(self, subscription: Subscription, delivered: Delivered, reason: str) -> None:
        """Keep it as a dead letter, and tell nobody."""
        delivery = delivered.delivery
        log.warning("A message becomes a dead letter: %r: %s", delivery, reason)
        self._move(
            subscription,
            delivered,
            dead_letter(delivery, reason),
            then=lambda: recorder.record_dead_letter(delivery.queue),
        )

    def set_apart(self, subscription: Subscription, delivered: Delivered) -> None:
        """It came back too often: it goes where it is run by itself."""
        what = delivered.delivery
        log.warning("%r came back %d times; it is set apart.", what, what.delivery_count)
        self._move(subscription, delivered, suspect(what))

    def _absolve(self, subscription: Subscription, delivered: Delivered, error: Retryable) -> None:
        """A suspect whose run was answered has not killed its worker: it begins anew.

        It must not be held meanwhile: what its worker dies of, while it waits, would speak against it.
        """
        what = delivered.delivery
        log.warning("%r is tried again: %s", what, error)
        if what.queue in WORK_QUEUES:
            subscription.ack(delivered.tag)  # the clock rings for it again
        else:
            self._move(subscription, delivered, suspect(what))

    def run_alone(self, subscription: Subscription, delivered: Delivered, runs: int) -> None:
        """A suspect's time has come: its copy is run at once, and tells so if it comes back.

        Arguments:
            runs: How often that makes.
        """
        self._move(subscription, delivered, suspect(delivered.delivery, runs=runs))

    def _move(
        self,
        subscription: Subscription,
        delivered: Delivered,
        outgoing: Outgoing,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        try:
            future = self._ground.connection.publish(outgoing)
        except (PublishFailed, ServiceUnavailable) as error:
            self._keep(subscription, delivered, error)
            return
        future.add_done_callback(partial(self._on_moved, subscription, delivered, then))

    def _on_moved(
        self,
        subscription: Subscription,
        delivered: Delivered,
        then: Callable[[], None],
        future: Future[None],
    ) -> None:
        # The message leaves its queue only when RabbitMQ has it elsewhere.
        if error := future.exception():
            self._ground.note_missing()
            self._keep(subscription, delivered, error)
        else:
            subscription.ack(delivered.tag)
            then()

    def _keep(self, subscription: Subscription, delivered: Delivered, error: BaseException) -> None:
        log.error("%r cannot be published elsewhere: %s", delivered.delivery, error)
        longest = self._ground.patience.longest_pause
        seconds = min(longest, 2.0 ** min(delivered.delivery.delivery_count, 10))
        subscription.requeue(delivered.tag, after=seconds)
