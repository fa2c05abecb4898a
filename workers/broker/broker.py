"""Dramatiq's broker for the fleet: RabbitMQ by one connection, and no message lost on the way.

Dramatiq's own RabbitmqBroker is not its base. That one acks by the number of a delivery, whichever connection
it came by, opens several connections for each queue, acks what an actor failed at unless something published
it again, and holds delayed messages in memory; tests/workers/broker/test_stock_broker.py shows what each loses.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Sequence
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
    Topology,
    group_queue,
    topology,
)
from .consumer import FleetConsumer
from .dead_letters import dead_letter
from .decoding import decode
from .delivery import Delivery
from .reconnecting import Backoff, Reconnecting
from .stale import SkipStale
from .topology import declare_on, is_there
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
    """

    def __init__(
        self,
        url: str,
        *,
        groups: Sequence[str],
        prefetch: int | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        middleware: list[Middleware] | None = None,
        confirm_timeout: float = CONFIRM_SECONDS,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(middleware=[SkipStale(), *(middleware or ())])
        self.connection = AmqpConnection(url, confirm_timeout=confirm_timeout)
        self.reconnecting = Reconnecting(self.connection)
        self.queues: set[str] = set()
        self.patience = patience or Patience()
        self._prefetch, self._max_body_bytes = prefetch, max_body_bytes
        self._groups = list(groups)
        self._topology: Topology = topology(groups)
        self._missing = threading.Event()
        self._declaring = threading.Lock()
        self._restoring = threading.Lock()
        self._backoff = Backoff()
        for key in (INTAKE, *groups):
            self.declare_queue(group_queue(key))
        self.declare_queue(SUSPECTS_QUEUE)

    def add_group(self, group: str) -> None:
        """Take on a tag group while running: declares its queue, and consumes it.

        A Worker that was told which queues to take has to be told of this one first
        (`worker.consumer_whitelist.add(...)`).

        Raises:
            ValueError: The name cannot be part of a queue's name.
            ServiceUnavailable, DeclaredOtherwise, MayNotDeclare: The queue cannot be declared.
        """
        self._topology = topology([*self._groups, group])
        self._groups.append(group)
        declare_on(self.connection, self._topology)
        self.declare_queue(group_queue(group))

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Consume one of the fleet's queues, if there is a worker; called by Dramatiq for each actor.

        Raises:
            ValueError: It is none of the fleet's queues.
        """
        if queue_name not in {queue.name for queue in self._topology.queues} - {DEAD_LETTERS_QUEUE}:
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
        return FleetConsumer(self, queue_name, in_hand, timeout / 1000)

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

    def restore(self, queue_name: str) -> None:
        """Declare all again where one of the fleet's queues, or its binding, is not there any more.

        Raises:
            ServiceUnavailable, DeclaredOtherwise, MayNotDeclare: It cannot be declared.
        """
        with self._restoring:
            if is_there(self.connection, queue_name):
                # The queue stands, so it is its binding that is missing.
                declare_on(self.connection, self._topology)
            else:
                self._declare_deleted()

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

    def note_missing(self) -> None:
        """A queue or an exchange is not there any more; from any thread."""
        self._missing.set()

    def declare_what_is_missing(self) -> None:
        """Declare all again if something was noted; never raises. Called by each consumer's thread."""
        if not self._missing.is_set() or not self._declaring.acquire(blocking=False):
            return
        try:
            if self._backoff.is_due:
                declare_on(self.connection, self._topology)
                self._missing.clear()
        except TagfleetError as error:
            log.error("A queue is missing and cannot be declared again: %s", error)
            self._backoff.failed()
        finally:
            self._declaring.release()

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
