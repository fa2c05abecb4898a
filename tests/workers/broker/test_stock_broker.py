"""What Dramatiq's own RabbitmqBroker loses, and ours does not: why there is a FleetBroker.

Each test is one event that happens in operation. With `stock` it asserts the loss (seen with Dramatiq 2.2.1):
when such a test fails, Dramatiq has mended it, and a part of FleetBroker may go.
"""

from __future__ import annotations

import threading

import pytest
from dramatiq.middleware import Retries
from dramatiq.worker import Worker
from tests.rabbitmq import RabbitNode
from tests.workers.broker.harness import (
    BROKERS,
    Calls,
    Client,
    actor,
    eventually,
    finish,
    finish_body,
    fleet_broker,
    stock_broker,
    working,
)

from tagfleet.models.errors import PublishFailed, Retryable, TagfleetError
from tagfleet.models.queues import FINISH_QUEUE

GOOD = "good"


@pytest.fixture(autouse=True)
def _dramatiq_comes_back_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.05)


@pytest.mark.parametrize(("kind", "lost"), [("stock", {"b"}), ("fleet", set())])
def test_a_connection_lost_during_a_task_and_then_a_stop(
    kind, lost, chaos_rabbitmq: RabbitNode, chaos_url, monkeypatch
):
    """The late ack of the task goes by its old number: on a new connection that is another message."""
    # Given a task that runs, and two messages behind it, when all connections are closed
    monkeypatch.setattr("dramatiq.worker.QUEUE_PREFETCH", 8)
    running, go_on, calls = threading.Event(), threading.Event(), Calls()

    def run(name: str) -> None:
        calls.note(name)
        if name == "a" and not go_on.is_set():
            running.set()
            go_on.wait()

    broker = BROKERS[kind](chaos_url, middleware=[])
    actor(broker, run)
    worker = Worker(broker, worker_threads=1, worker_timeout=100)
    for name in ("quick", "a", "b", "c"):
        broker.enqueue(finish(name))
    worker.start()
    assert running.wait(30)
    eventually(lambda: worker.work_queue.qsize() == 2)
    chaos_rabbitmq.close_connections()
    # (the stale copies of b and c, and new ones of a, b and c)
    eventually(lambda: worker.work_queue.qsize() == 5)
    # When the worker is stopped, and the task ends
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    eventually(lambda: not worker.workers[0].running)
    go_on.set()
    stopping.join()
    broker.close()
    # Then the next worker does the rest
    again = BROKERS[kind](chaos_url, middleware=[])
    actor(again, run)
    with working(again):
        seen = calls.wait_for(lambda seen: {"a", "b", "c"} - lost <= set(seen))
    with Client(chaos_url) as client:
        assert client.depth(FINISH_QUEUE) == 0
    assert {"a", "b", "c"} - set(seen) == lost


@pytest.mark.parametrize("kind", ["stock", "fleet"])
def test_a_task_that_fails_for_now_while_nothing_can_be_published(
    kind, rabbitmq: RabbitNode, amqp_url
):
    """Dramatiq's Retries publishes the message anew; when that fails, the original is acked all the same."""
    # Given queues that take nothing more
    calls = Calls()
    options = {"stock": {"middleware": [Retries()], "confirm_delivery": True}, "fleet": {}}[kind]

    def run(name: str) -> None:
        calls.note(name)
        if len(calls.seen) == 1:
            raise Retryable("the database is away")

    broker = BROKERS[kind](amqp_url, **options)
    actor(broker, run)
    broker.enqueue(finish("a"))
    rabbitmq.policy(amqp_url, "DQ$", '{"max-length": 0, "overflow": "reject-publish"}')
    # When the task fails once
    with working(broker) as worker:
        calls.wait_for_count(1 if kind == "stock" else 2)
        worker.work_queue.join()
    # Then
    with Client(amqp_url) as client:
        left = [client.depth(FINISH_QUEUE)]
        if kind == "stock":
            left += [client.depth(f"{FINISH_QUEUE}.{suffix}") for suffix in ("DQ", "XQ")]
    done = len(calls.seen) == 2
    assert not any(left)
    assert done == (kind == "fleet")


@pytest.mark.parametrize(("kind", "arrived"), [("stock", 1), ("fleet", 2)])
def test_publishing_to_a_queue_that_was_deleted(kind, arrived, amqp_url):
    """Without confirms, a message that no queue takes is gone, and nobody is told."""
    # Given
    broker = BROKERS[kind](amqp_url)
    actor(broker, print)
    with Client(amqp_url) as client:
        broker.enqueue(finish("first"))
        client.take(FINISH_QUEUE, 1)
        client.channel.queue_delete(FINISH_QUEUE)
        # When
        broker.enqueue(finish("second"))
        broker.close()
        # Then
        if kind == "stock":
            client.channel.queue_declare(FINISH_QUEUE)
        assert 1 + client.depth(FINISH_QUEUE) == arrived


@pytest.mark.parametrize("kind", ["stock", "fleet"])
def test_publishing_to_a_full_queue(kind, rabbitmq: RabbitNode, amqp_url):
    """Without confirms, a full queue looks like any other."""
    # Given
    broker = BROKERS[kind](amqp_url)
    actor(broker, print)
    broker.enqueue(finish("first"))
    rabbitmq.policy(amqp_url, ".*", '{"max-length": 1, "overflow": "reject-publish"}')
    # When
    errors = [_error_of(lambda: broker.enqueue(finish("more"))) for _ in range(20)]
    broker.close()
    # Then
    told_that_it_is_safe = 1 + sum(error is None for error in errors)
    with Client(amqp_url) as client:
        kept = eventually(lambda: client.depth(FINISH_QUEUE))
    if kind == "stock":
        assert kept < told_that_it_is_safe == 21
    else:
        assert kept == told_that_it_is_safe
        assert all(isinstance(error, PublishFailed) for error in errors if error)


@pytest.mark.parametrize("kind", ["stock", "fleet"])
def test_publishing_while_the_node_is_killed(kind, chaos_rabbitmq: RabbitNode, chaos_url):
    """Without confirms, what the node had not written yet is gone, and nobody is told."""
    # Given somebody who publishes as fast as it goes
    broker = BROKERS[kind](chaos_url)
    actor(broker, print)
    broker.enqueue(finish("first"))
    chaos_rabbitmq.flush()
    safe, is_under_way = 1, threading.Event()

    def publish() -> None:
        nonlocal safe
        while _error_of(lambda: broker.enqueue(finish("more"))) is None:
            safe += 1
            if safe >= 200:
                is_under_way.set()

    publishing = threading.Thread(target=publish)
    publishing.start()
    assert is_under_way.wait(60)
    # When
    chaos_rabbitmq.kill9()
    publishing.join()
    broker.close()
    chaos_rabbitmq.restart()
    # Then
    with Client(chaos_url) as client:
        if kind == "stock":
            assert client.depth(FINISH_QUEUE) < safe
        else:
            # (a quorum queue that comes back counts its messages up)
            eventually(lambda: client.depth(FINISH_QUEUE) >= safe)


@pytest.mark.parametrize("kind", ["stock", "fleet"])
def test_a_message_with_options_that_are_null(kind, amqp_url, monkeypatch):
    """The consumer fails at it, comes back, and is given it again, for ever: the queue stands still."""
    # Given
    calls, restarts = Calls(), Calls()
    broker = BROKERS[kind](amqp_url)
    actor(broker, calls.note)
    broker.declare_queue(FINISH_QUEUE, ensure=True)
    consume = broker.consume

    def consume_again(*args, **kwargs):
        restarts.note(None)
        return consume(*args, **kwargs)

    monkeypatch.setattr(broker, "consume", consume_again)
    with Client(amqp_url) as client:
        client.publish("", FINISH_QUEUE, finish_body("bad", options=None))
        client.publish("", FINISH_QUEUE, finish_body(GOOD))
    # When
    with working(broker):
        if kind == "stock":
            restarts.wait_for_count(5)
        else:
            calls.wait_for_count(1)
    # Then
    assert calls.seen == ([] if kind == "stock" else [GOOD])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("kind", ["stock", "fleet"])
def test_messages_that_name_another_queue_than_their_own(kind, amqp_url):
    """The thread that works at one looks up the consumer of the other queue, and dies."""
    # Given as many such messages as there are threads
    calls = Calls()
    broker = BROKERS[kind](amqp_url)
    actor(broker, calls.note)
    broker.declare_queue(FINISH_QUEUE, ensure=True)
    with working(broker, threads=2) as worker, Client(amqp_url) as client:
        for _ in range(2):
            client.publish("", FINISH_QUEUE, finish_body("odd", queue_name="elsewhere"))
        calls.wait_for_count(2)
        # When
        if kind == "stock":
            for thread in worker.workers:
                thread.join(30)
        client.publish("", FINISH_QUEUE, finish_body(GOOD))
        if kind == "stock":
            eventually(lambda: worker.work_queue.qsize() == 1)
        else:
            calls.wait_for_count(3)
        # Then
        alive = sum(thread.is_alive() for thread in worker.workers)
    assert (alive, GOOD in calls.seen) == ((0, False) if kind == "stock" else (2, True))


def test_both_brokers_do_the_same_ordinary_work(amqp_url):
    """The comparison is fair: what both are given here, both do."""
    for kind in (fleet_broker, stock_broker):
        with Client(amqp_url) as client:
            calls = Calls()
            broker = kind(amqp_url)
            actor(broker, calls.note)
            broker.enqueue(finish("a"))
            with working(broker):
                assert calls.wait_for_count(1) == ["a"]
            client.channel.queue_delete(FINISH_QUEUE)


def _error_of(call) -> TagfleetError | Exception | None:
    try:
        call()
    except Exception as error:
        return error
    return None
