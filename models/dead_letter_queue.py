"""The queue of the dead letters, for one command at a time: letters are held, and go back unless settled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import pika
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    NackError,
    UnroutableError,
)

from .amqp import AmqpConnection
from .amqp_link import why
from .dead_letters import Letter
from .errors import Fatal, PublishFailed, Retryable, ServiceUnavailable, Unroutable
from .queues import DEAD_LETTERS_QUEUE

#: An exclusive queue: whoever has declared it holds all letters. It goes with its connection.
LOCK: str = f"{DEAD_LETTERS_QUEUE}.lock"

#: How long a command waits for another one to end, in seconds.
LOCK_SECONDS = 15.0

#: How long the next letter may take, in seconds; then another program holds what is left.
LETTER_SECONDS = 3.0

#: AMQP can ask for no more messages at once; 0 asks for all.
_MOST_AT_ONCE = 65_535

_NOT_FOUND, _LOCKED = 404, 405

#: What a letter keeps of its message's properties when it is sent on.
_KEPT = (
    "content_type",
    "content_encoding",
    "priority",
    "correlation_id",
    "reply_to",
    "timestamp",
    "type",
    "app_id",
)


class NoLetterQueue(Fatal):
    """The virtual host has no queue of dead letters."""

    exit_code = 3

    def __init__(self, address: str) -> None:
        super().__init__(
            f"RabbitMQ at {address} has no queue {DEAD_LETTERS_QUEUE!r}: no worker was ever started there. "
            "Start one (`tagfleet worker`), or check the virtual host in TAGFLEET_AMQP_URL."
        )


class LettersInUse(Retryable):
    """Another command holds the letters."""

    def __init__(self) -> None:
        super().__init__(
            "Another `tagfleet dead-letters` command holds the letters. Try again when it has ended."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A letter in hand; nobody else gets it meanwhile."""

    letter: Letter
    tag: int
    properties: Any


class DeadLetterQueue:
    """A connection that looks through the letters from the oldest on.

    Whatever is not settled is back in its place once the connection is closed, or has died.

    Arguments:
        url: `amqp://user:password@host:5672/vhost`.
        signs: Whether RabbitMQ is to vouch for who sends a letter on.
    """

    def __init__(self, url: str, *, signs: bool = False) -> None:
        # Only for its reading of the URL: what is used here lives as long as one command.
        self._described = AmqpConnection(url, signs=signs)
        self._connection: Any = None
        self._channel: Any = None
        self._outbox: Any = None
        #: How many of the letters that lay there have not arrived yet.
        self._coming = 0

    def __enter__(self) -> Self:
        """Connect, and wait until no other command holds the letters.

        Raises:
            ServiceUnavailable: RabbitMQ cannot be reached.
            LettersInUse: Another command did not end in time.
        """
        with self._translated():
            self._connection = pika.BlockingConnection(self._described.parameters)
            self._lock()
            self._channel, self._outbox = self._connection.channel(), self._connection.channel()
            self._outbox.confirm_delivery()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def letters(self, limit: int | None = None) -> Iterator[Held]:
        """The letters that lie there now, each held from when it is given. Once for each connection.

        Arguments:
            limit: No more than so many.

        Raises:
            NoLetterQueue: There is no such queue.
            ServiceUnavailable: RabbitMQ was lost.
        """
        with self._translated():
            there = self._channel.queue_declare(DEAD_LETTERS_QUEUE, passive=True)
            self._coming = there.method.message_count
            self._channel.basic_qos(
                prefetch_count=self._coming if self._coming <= _MOST_AT_ONCE else 0
            )
            for _ in range(self._coming if limit is None else min(limit, self._coming)):
                if (held := self._next()) is None:
                    return
                yield held

    def settle(self, held: Held) -> None:
        """Take the letter out of the queue for good."""
        with self._translated():
            self._channel.basic_ack(held.tag)

    def send_on(
        self, held: Held, *, exchange: str, routing_key: str, message_id: str | None, body: bytes
    ) -> None:
        """Publish the letter's message, without what was noted on the letter; then settle it.

        Raises:
            PublishFailed, Unroutable: Nothing took it; the letter stays.
            ServiceUnavailable: RabbitMQ was lost; it may have taken it, and the letter stays.
        """
        kept = {name: getattr(held.properties, name) for name in _KEPT}
        properties = pika.BasicProperties(
            **kept,
            message_id=message_id,
            delivery_mode=2,
            headers=dict(held.letter.headers),
            # Whoever sends it on answers for it.
            user_id=self._described.signature,
        )
        with self._translated():
            try:
                self._outbox.basic_publish(exchange, routing_key, body, properties, mandatory=True)
            except UnroutableError as error:
                raise Unroutable(routing_key) from error
            except NackError as error:
                raise PublishFailed(
                    f"RabbitMQ refused the message for {routing_key!r}: its queue is full, or failing. "
                    "Try again when it is shorter."
                ) from error
        self.settle(held)

    def _next(self) -> Held | None:
        method, properties, body = next(
            self._channel.consume(DEAD_LETTERS_QUEUE, inactivity_timeout=LETTER_SECONDS)
        )
        self._coming = self._coming - 1 if method else 0
        return (
            Held(Letter.of(properties, body), method.delivery_tag, properties) if method else None
        )

    def _lock(self) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                self._connection.channel().queue_declare(LOCK, exclusive=True)
                return
            except ChannelClosedByBroker as error:
                if error.reply_code != _LOCKED:
                    raise
                if time.monotonic() > deadline:
                    raise LettersInUse from error
                self._connection.sleep(0.2)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        address = self._described.address
        try:
            yield
        except ChannelClosedByBroker as error:
            self._close()
            if error.reply_code == _NOT_FOUND:
                raise NoLetterQueue(address) from error
            raise ServiceUnavailable("RabbitMQ", address, error.reply_text) from error
        except (AMQPError, OSError) as error:
            self._close()
            reason = why(error, self._described.parameters)
            advice = "Check TAGFLEET_AMQP_URL."
            raise ServiceUnavailable("RabbitMQ", address, reason, advice) from error
        except LettersInUse:
            self._close()
            raise

    def _close(self) -> None:
        # All are taken, however few were wanted, and go back together: what goes back goes behind what
        # went back before (seen on 3.10.8), so letters would change places.
        with suppress(AMQPError):
            while self._connection and self._connection.is_open and self._coming:
                self._next()
        with suppress(AMQPError):
            if self._connection and self._connection.is_open:
                self._connection.close()
