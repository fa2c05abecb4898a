"""What the tests of the broker share: a worker around it, and a client that knows nothing of tagfleet."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.worker import Worker

from tagfleet.models.errors import TagfleetError
from tagfleet.models.queues import FINISH_QUEUE, topology
from tagfleet.workers.broker import FleetBroker
from tagfleet.workers.broker.topology import declare

#: How long anything here may take; a test that works never waits so long.
PATIENCE_SECONDS = 30.0


def eventually(check: Callable[[], Any]) -> Any:
    """What the check returns, once that is true; for what tells nobody when it happens."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := check()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
    return found


class Calls:
    """What an actor was called with, in order; a test waits for it."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self._changed = threading.Condition()

    def note(self, what: Any) -> None:
        """Called by the actor."""
        with self._changed:
            self.seen.append(what)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[list[Any]], bool]) -> list[Any]:
        """All calls, once the condition holds for them."""
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self.seen), PATIENCE_SECONDS), self.seen
            return list(self.seen)

    def wait_for_count(self, count: int) -> list[Any]:
        """All calls, once there are so many."""
        return self.wait_for(lambda seen: len(seen) >= count)


class Client:
    """A producer in another language, as it were: pika and nothing of ours."""

    def __init__(self, url: str) -> None:
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        if self.connection.is_open:
            self.connection.close()

    def publish(self, exchange: str, key: str, body: bytes, **properties: Any) -> None:
        """Publish, and wait for the confirm."""
        self.channel.basic_publish(
            exchange, key, body, pika.BasicProperties(**properties), mandatory=True
        )

    def take(self, queue: str, count: int) -> list[tuple[Any, bytes]]:
        """Take so many messages out of a queue, waiting for them: properties and body of each."""
        taken: list[tuple[Any, bytes]] = []
        if count:
            for method, properties, body in self.channel.consume(
                queue, inactivity_timeout=PATIENCE_SECONDS
            ):
                assert method, f"only {len(taken)} of {count} messages came to {queue}"
                self.channel.basic_ack(method.delivery_tag)
                taken.append((properties, body))
                if len(taken) == count:
                    break
            self.channel.cancel()
        return taken

    def depth(self, queue: str) -> int:
        """How many messages wait in a queue, handed to nobody."""
        return int(self.channel.queue_declare(queue, passive=True).method.message_count)


def consumers(client: Client, queue: str) -> int | None:
    """How many consume a queue; None where it does not stand."""
    try:
        found = client.channel.queue_declare(queue, passive=True)
    except pika.exceptions.ChannelClosedByBroker:
        client.channel = client.connection.channel()
        client.channel.confirm_delivery()
        return None
    return int(found.method.consumer_count)


def fleet_broker(url: str, **options: Any) -> FleetBroker:
    """A FleetBroker on a declared topology with the tag group `etl`."""
    declare(url, topology(["etl"]))
    return FleetBroker(url, **{"groups": ["etl"], **options})


def stock_broker(url: str, **options: Any) -> RabbitmqBroker:
    """Dramatiq's own broker, as its documentation sets it up."""
    return RabbitmqBroker(url=url, **options)


#: The brokers that a loss is shown with.
BROKERS: dict[str, Callable[..., dramatiq.Broker]] = {"stock": stock_broker, "fleet": fleet_broker}


def actor(broker: dramatiq.Broker, run: Callable[..., object], *, name: str = "finish") -> None:
    """Make the function an actor of the queue `tagfleet.finish`."""
    dramatiq.actor(broker=broker, actor_name=name, queue_name=FINISH_QUEUE)(run)


def finish(argument: str) -> dramatiq.Message[Any]:
    """A message for the actor `finish`."""
    return dramatiq.Message(
        queue_name=FINISH_QUEUE, actor_name="finish", args=(argument,), kwargs={}, options={}
    )


def finish_body(argument: str, **changes: Any) -> bytes:
    """The same on the wire, with some of its fields changed."""
    return json.dumps({**json.loads(finish(argument).encode()), **changes}).encode()


@contextmanager
def working(
    broker: dramatiq.Broker, *, threads: int = 2, queues: set[str] | None = None
) -> Iterator[Worker]:
    """A worker that takes messages while the block lasts; closes the broker."""
    worker = Worker(broker, queues=queues, worker_threads=threads, worker_timeout=100)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(timeout=20_000)
        broker.close()


def failure(call: Callable[[], object]) -> TagfleetError:
    """The error that the call ends with."""
    try:
        call()
    except TagfleetError as error:
        return error
    raise AssertionError("it did not fail")
