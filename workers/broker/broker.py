"""Dramatiq's broker for the fleet: RabbitMQ by one connection, and no message lost on the way.

Dramatiq's own RabbitmqBroker is not its base. That one acks by the number of a delivery, whichever connection
it came by, opens several connections for each queue, acks what an actor failed at unless something published
it again, and holds delayed messages in memory; tests/workers/broker/test_stock_broker.py shows what each loses.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import dramatiq
import pika
from dramatiq.middleware import Middleware

from ...models.amqp import CONFIRM_SECONDS, AmqpConnection, Outgoing
from ...models.errors import TagfleetError, Unroutable
from ...models.queues import (
    DEAD_LETTERS_QUEUE,
    INTAKE,
    SUSPECTS_QUEUE,
    RequestQueue,
    Topology,
    group_queue,
    topology,
)
from .consumer import FleetConsumer
from .course import Course
from .dead_letters import dead_letter
from .decoding import decode
from .delivery import Delivery
from .reconnecting import Backoff, Reconnecting
from .stale import SkipStale
from .topology import declare_on
from .undone import Patience

log = logging.getLogger(__name__)

#: The largest body that is read, where nothing else is set.
MAX_BODY_BYTES = 8 * 1024 * 1024

#: How long RabbitMQ has to tell the consumers of a deleted queue. One that is declared again before leaves
#: them attached to nothing: it counts them, and they are given no message (seen on 3.10.8, quorum queue).
DELETED_SECONDS = 1.0

R = TypeVar("R")


class FleetBroker(dramatiq.Broker):
    """The broker of a worker process, or of whatever rings for the fleet's actors.

    Arguments:
        groups: The tag groups whose queues stand in RabbitMQ; a worker without a choice of its own takes
            messages from all of them, and from the intake's.
        prefetch: Messages in hand per queue; None: what Dramatiq chooses, twice its threads.
        max_body_bytes: Larger bodies are dead letters, unread.
        middleware: Besides SkipStale; not Retries, TimeLimit or AgeLimit, which work by delayed messages.
        confirm_timeout: Seconds that RabbitMQ has to confirm what is published.
        patience: For how long what may work later is tried.
        knows_groups: Whether the groups are those in force as far as anybody knows; else none of their
            queues is declared again.
        signs: Whether what a producer's name is noted on, when it is passed on, is told from what was
            forged: by `user_id`, which RabbitMQ verifies, and refuses where logins have other names.
    """

    def __init__(
        self,
        url: str,
        *,
        groups: Iterable[str | RequestQueue] = (),
        prefetch: int | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        middleware: list[Middleware] | None = None,
        confirm_timeout: float = CONFIRM_SECONDS,
        patience: Patience | None = None,
        knows_groups: Callable[[], bool] = lambda: True,
        signs: bool = True,
    ) -> None:
        super().__init__(middleware=[SkipStale(), *(middleware or ())])
        self.connection = AmqpConnection(url, confirm_timeout=confirm_timeout, signs=signs)
        self.reconnecting = Reconnecting(self.connection)
        self.queues: set[str] = set()
        self.patience = patience or Patience()
        self._prefetch, self._max_body_bytes = prefetch, max_body_bytes
        self._groups: dict[str, RequestQueue] = {}
        self._drained: dict[str, Course] = {}
        self._consumers: dict[str, FleetConsumer] = {}
        self._knows_groups = knows_groups
        self._missing_at: float | None = None
        self._declaring = threading.Lock()
        self._backoff = Backoff()
        self.declare_queue(group_queue(INTAKE))
        self.declare_queue(SUSPECTS_QUEUE)
        for group in groups:
            self.take(group if isinstance(group, RequestQueue) else RequestQueue(group=group))

    def add_group(self, group: str | RequestQueue) -> None:
        """Take on a tag group while running: declares its queue, and consumes it.

        Raises:
            ValueError: The name cannot be part of a queue's name.
            ServiceUnavailable, DeclaredOtherwise, MayNotDeclare: The queue cannot be declared.
        """
        added = group if isinstance(group, RequestQueue) else RequestQueue(group=group)
        self.declare_group(added)
        self.take(added)

    def declare_group(self, group: RequestQueue) -> None:
        """Declare a tag group's queue, and lead its requests there; raises what `add_group` raises."""
        declare_on(self.connection, Topology((), (group.queue,), (group.binding,)))

    def take(self, group: RequestQueue) -> None:
        """Consume the queue of a tag group, which stands, or is declared when it is missed."""
        self._groups[group.group] = group
        self._drained.pop(group.queue.name, None)
        self.declare_queue(group.queue.name)

    def drain(self, group: str, *, stay: bool = False) -> None:
        """See the last of a tag group's queue go: consume it while there is something in it.

        Arguments:
            stay: Consume it until it is deleted.
        """
        queue = group_queue(group)
        self._drained[queue] = Course.STAY if stay else Course.LEAVE
        self._groups.pop(group, None)
        self.declare_queue(queue)

    def forget(self, group: str) -> None:
        """Do not declare the tag group's queue again when it is missed."""
        self._groups.pop(group, None)

    def knows(self, group: str) -> bool:
        """Whether the tag group's queue is consumed and not drained."""
        return group in self._groups

    def course_of(self, queue: str) -> Course:
        """How the queue is consumed now."""
        return self._drained.get(queue, Course.TAKE)

    def is_idle(self, group: str) -> bool:
        """Whether the group's queue is consumed here, and all that came of it is settled."""
        consumer = self._consumers.get(group_queue(group))
        return consumer is not None and consumer.is_idle

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Consume one of the fleet's queues, if there is a worker; called by Dramatiq for each actor.

        Raises:
            ValueError: It is none of the fleet's queues.
        """
        known = {queue.name for queue in topology(tuple(self._groups.values())).queues}
        if queue_name not in (known | self._drained.keys()) - {DEAD_LETTERS_QUEUE}:
            raise ValueError(f"{queue_name!r} is none of the fleet's queues; add_group() adds one")
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)
        if ensure:
            declare_on(self.connection, self._topology)

    def get_declared_queues(self) -> set[str]:
        """The queues that a worker takes messages from, unless it is told which."""
        return set(self.queues)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> FleetConsumer:
        """Called by the worker, in a thread for each queue; the time is in milliseconds."""
        in_hand = 1 if queue_name == SUSPECTS_QUEUE else self._prefetch or prefetch
        consumer = FleetConsumer(self, queue_name, in_hand, timeout / 1000)
        self._consumers[queue_name] = consumer
        return consumer

    def enqueue(
        self, message: dramatiq.Message[R], *, delay: int | None = None
    ) -> dramatiq.Message[R]:
        """Publish a message to its queue; on return RabbitMQ has it.

        Raises:
            PublishFailed, ServiceUnavailable: It may not have it; enqueue it again.
            ValueError: A delay: what waits, waits in MongoDB, where a worker's end does not matter to it.
        """
        if delay is not None:
            raise ValueError(
                "Messages are not delayed: keep what waits in MongoDB, and enqueue it when its time has come."
            )
        self.emit_before("enqueue", message, delay)
        self.publish_all([_of(message)])
        self.emit_after("enqueue", message, delay)
        return message

    def publish_all(self, messages: Sequence[Outgoing]) -> None:
        """Publish messages; on return RabbitMQ has all of them.

        Raises:
            PublishFailed, ServiceUnavailable: It may not have all; publish all of them again.
            Unroutable: No queue takes one of them, though all of ours stand.
        """
        try:
            self.connection.publish_all(messages)
        except Unroutable:
            # Somebody deleted a queue. What went out already goes out twice, which is allowed.
            self._declare_deleted()
            self.connection.publish_all(messages)

    def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Keep a message with the reason why it cannot be used; its actor may then return.

        Raises:
            PublishFailed, ServiceUnavailable: The letter may be lost: let the actor fail.
        """
        self.publish_all([dead_letter(delivery, reason)])

    def decode(self, delivery: Delivery) -> dramatiq.Message[Any]:
        """Say what runs for the delivery; raises Unusable."""
        return decode(delivery, actors=self.actors, max_body_bytes=self._max_body_bytes)

    @property
    def actor_names(self) -> Collection[str]:
        """What can be run."""
        return self.actors.keys()

    def note_missing(self, *, after: float = 0) -> None:
        """A queue, a binding or an exchange is not there any more; from any thread.

        Arguments:
            after: Seconds until it is declared again.
        """
        if self._missing_at is None:
            self._missing_at = time.monotonic() + after

    def note_missing_group(self, group: str) -> None:
        """Requests come to the intake that are meant for the queue of this group."""
        if group in self._groups:
            self.note_missing(after=DELETED_SECONDS)

    def declare_what_is_missing(self) -> None:
        """Declare all again if something was noted; never raises. Called by each consumer's thread."""
        missing_at = self._missing_at
        if missing_at is None or time.monotonic() < missing_at:
            return
        if not self._declaring.acquire(blocking=False):
            return
        try:
            if self._backoff.is_due:
                self._missing_at = None
                declare_on(self.connection, self._topology)
        except TagfleetError as error:
            log.error("A queue is missing and cannot be declared again: %s", error)
            self._backoff.failed()
            self.note_missing()
        finally:
            self._declaring.release()

    @property
    def _topology(self) -> Topology:
        """What is declared again."""
        # What is missing may have been deleted because its group is gone.
        return topology(tuple(self._groups.values()) if self._knows_groups() else ())

    def _declare_deleted(self) -> None:
        time.sleep(DELETED_SECONDS)
        declare_on(self.connection, self._topology)

    def close(self) -> None:
        """Disconnect, once what was published is confirmed."""
        self.connection.close()


def _of(message: dramatiq.Message[Any]) -> Outgoing:
    return Outgoing(
        exchange="",
        routing_key=message.queue_name,
        body=message.encode(),
        properties=pika.BasicProperties(content_type="application/json", delivery_mode=2),
    )
