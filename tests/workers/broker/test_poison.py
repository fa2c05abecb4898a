"""A message that kills its worker is found out, and what is beside it in the worker does not suffer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dramatiq
import pytest
from tests.workers.broker.harness import Calls, Client, eventually, fleet_broker, working

from tagfleet.models.queues import (
    DEAD_LETTERS_QUEUE,
    FINISH_QUEUE,
    REQUESTS_EXCHANGE,
    SUSPECTS_QUEUE,
)
from tagfleet.workers.broker.delivery import Delivery
from tagfleet.workers.broker.suspects import PAUSES, SUSPECT_AT

#: A worker whose process dies of every body that begins with "poison"; it notes whatever it begins with.
WORKER = """
import os, signal, sys, threading
from tests.workers.broker.harness import fleet_broker, working
import dramatiq
from tagfleet.workers.broker import suspects

suspects.PAUSES = (0.1, 0.1, 0.1, 0.1)
broker = fleet_broker(sys.argv[1], prefetch=20)

def run(delivery):
    with open(sys.argv[2], "ab") as notes:
        notes.write(delivery.body + b"\\n")
    if delivery.body.startswith(b"poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    with open(sys.argv[2] + ".done", "ab") as notes:
        notes.write(delivery.body + b"\\n")

dramatiq.actor(broker=broker, actor_name="accept", queue_name="tagfleet.intake")(run)
with working(broker, threads=1):
    threading.Event().wait()
"""


@pytest.fixture
def client(amqp_url: str) -> Iterator[Client]:
    fleet_broker(amqp_url).close()
    with Client(amqp_url) as client:
        yield client


@contextmanager
def supervised(url: str, notes: str) -> Iterator[None]:
    """A worker that is started again whenever it has died, until the block ends."""
    ended = threading.Event()
    running: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def supervise() -> None:
        while not ended.is_set():
            command = [sys.executable, "-c", WORKER, url, notes]
            running.append(subprocess.Popen(command, env=environment))
            running[-1].wait()

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        running[-1].kill()
        thread.join()


def test_poison_ends_as_a_dead_letter_and_each_of_its_neighbours_is_done(
    amqp_url, client, tmp_path
):
    # Given poison among messages that a worker takes together
    names = [b"sound-%d" % number for number in range(12)]
    bodies = [*names[:3], b"poison-1", *names[3:8], b"poison-2", *names[8:]]
    for body in bodies:
        client.publish(REQUESTS_EXCHANGE, "etl", body, message_id=body.decode(), user_id="guest")
    notes = tmp_path / "notes"
    # When
    with supervised(amqp_url, str(notes)):
        letters = client.take(DEAD_LETTERS_QUEUE, 2)
        done = tmp_path / "notes.done"
        eventually(lambda: set(done.read_bytes().split()) >= set(names))
    # Then
    assert {body for _, body in letters} == {b"poison-1", b"poison-2"}
    for properties, _ in letters:
        headers = properties.headers
        assert "it kills its worker, or hangs it" in headers["x-tagfleet-reason"]
        assert (headers["x-tagfleet-queue"], headers["x-tagfleet-routing-key"]) == (
            "tagfleet.etl",
            "etl",
        )
        assert headers["x-tagfleet-user-id"] == "guest"
    begun = notes.read_bytes().split()
    for poison in (b"poison-1", b"poison-2"):
        assert begun.count(poison) <= SUSPECT_AT + len(PAUSES)
    assert client.depth(DEAD_LETTERS_QUEUE) == 0


def test_a_message_that_came_back_too_often_is_run_by_itself_as_it_came(amqp_url, client):
    # Given a message that was handed out and given back
    client.publish(
        REQUESTS_EXCHANGE, "etl", b"a", message_id="job-1", user_id="guest", headers={"x-trace": 7}
    )
    for _ in range(SUSPECT_AT):
        method = eventually(lambda: client.channel.basic_get("tagfleet.etl")[0])
        client.channel.basic_nack(method.delivery_tag, requeue=True)
    # When
    broker, calls = fleet_broker(amqp_url), Calls()
    dramatiq.actor(broker=broker, actor_name="accept", queue_name="tagfleet.intake")(
        lambda delivery: calls.note(delivery)
    )
    with working(broker):
        [delivery] = calls.wait_for_count(1)
    # Then
    assert delivery == Delivery(
        body=b"a",
        queue="tagfleet.etl",
        exchange=REQUESTS_EXCHANGE,
        routing_key="etl",
        message_id="job-1",
        user_id="guest",
        content_type=None,
        headers={"x-trace": 7},
        redelivered=False,
        delivery_count=0,
        earlier_deliveries=SUSPECT_AT + 2,
    )
    assert client.depth(SUSPECTS_QUEUE) == client.depth("tagfleet.etl") == 0


def test_what_is_given_up_goes_to_the_actor_that_tells_the_job_before_it_is_a_letter(
    amqp_url, client
):
    # Given
    broker, calls = fleet_broker(amqp_url), Calls()

    def bury(delivery: Delivery, reason: str) -> None:
        calls.note(reason)
        broker.dead_letter(delivery, reason)

    def accept(delivery: Delivery) -> None:
        raise KeyError("a")

    dramatiq.actor(broker=broker, actor_name="bury", queue_name="tagfleet.intake")(bury)
    dramatiq.actor(broker=broker, actor_name="accept", queue_name="tagfleet.intake")(accept)
    # When
    with working(broker):
        client.publish(REQUESTS_EXCHANGE, "etl", b"a")
        letters = client.take(DEAD_LETTERS_QUEUE, 1)
    # Then
    assert calls.seen == ["accept failed: KeyError: 'a'"]
    assert letters[0][0].headers["x-tagfleet-reason"] == calls.seen[0]
    assert client.depth("tagfleet.etl") == 0


def test_where_the_job_cannot_be_told_the_letter_is_kept_all_the_same(amqp_url, client):
    broker = fleet_broker(amqp_url)

    def fail(delivery: Delivery, reason: str = "") -> None:
        raise KeyError("a")

    for name in ("bury", "accept"):
        dramatiq.actor(broker=broker, actor_name=name, queue_name="tagfleet.intake")(fail)
    with working(broker):
        client.publish(REQUESTS_EXCHANGE, "etl", b"a")
        [(properties, _)] = client.take(DEAD_LETTERS_QUEUE, 1)
    assert properties.headers["x-tagfleet-reason"] == "accept failed: KeyError: 'a'"


@pytest.mark.parametrize(
    "headers", [{}, {"x-tagfleet-queue": "elsewhere", "x-tagfleet-deliveries": 1}]
)
def test_what_a_stranger_publishes_among_the_suspects_is_a_dead_letter(amqp_url, client, headers):
    with working(fleet_broker(amqp_url)):
        client.publish("", SUSPECTS_QUEUE, b"a", headers=headers)
        [(properties, _)] = client.take(DEAD_LETTERS_QUEUE, 1)
    assert "only workers publish" in properties.headers["x-tagfleet-reason"]


def test_a_count_that_a_producer_wrote_condemns_nothing(amqp_url, client):
    broker, calls = fleet_broker(amqp_url), Calls()
    dramatiq.actor(broker=broker, actor_name="finish", queue_name=FINISH_QUEUE)(calls.note)
    dramatiq.actor(broker=broker, actor_name="accept", queue_name="tagfleet.intake")(
        lambda delivery: calls.note(delivery.body)
    )
    with working(broker):
        client.publish(REQUESTS_EXCHANGE, "etl", b"a", headers={"x-delivery-count": 99})
        assert calls.wait_for_count(1) == [b"a"]
