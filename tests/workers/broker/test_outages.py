"""A worker while RabbitMQ is killed, cut off, emptied and extended."""

from __future__ import annotations

import threading

import pytest
from tests.rabbitmq import RabbitNode
from tests.workers.broker.harness import (
    Calls,
    Client,
    actor,
    consumers,
    eventually,
    finish,
    fleet_broker,
    working,
)

from tagfleet.models.queues import FINISH_QUEUE, REQUESTS_EXCHANGE
from tagfleet.workers.broker import FleetBroker


def test_a_worker_goes_on_after_the_node_was_killed_and_started_again(
    chaos_rabbitmq: RabbitNode, chaos_url
):
    broker, calls = fleet_broker(chaos_url), Calls()
    actor(broker, calls.note)
    broker.enqueue(finish("before"))
    with working(broker):
        calls.wait_for_count(1)
        chaos_rabbitmq.flush()
        # When
        chaos_rabbitmq.kill9()
        chaos_rabbitmq.restart()
        # Then
        with Client(chaos_url) as client:
            eventually(lambda: client.connection.is_open)
        _enqueue_when_it_is_back(broker, "after")
        calls.wait_for(lambda seen: "after" in seen)


def test_a_worker_that_starts_before_rabbitmq_takes_messages_once_it_is_there(
    chaos_rabbitmq: RabbitNode, chaos_url
):
    # Given a queue with a message, and a node that is down
    broker, calls = fleet_broker(chaos_url), Calls()
    actor(broker, calls.note)
    broker.enqueue(finish("a"))
    broker.close()
    chaos_rabbitmq.flush()
    chaos_rabbitmq.kill9()
    # When
    late = FleetBroker(chaos_url, groups=["etl"])
    actor(late, calls.note)
    with working(late):
        chaos_rabbitmq.restart()
        # Then
        assert calls.wait_for_count(1) == ["a"]


def test_a_task_that_ends_after_its_connection_was_lost_settles_nothing(
    chaos_rabbitmq: RabbitNode, chaos_url
):
    # Given a task that runs while its connection is lost
    started, go_on, calls = threading.Event(), threading.Event(), Calls()

    def run(argument: str) -> None:
        calls.note(argument)
        if len(calls.seen) == 1:
            started.set()
            go_on.wait()

    broker = fleet_broker(chaos_url)
    actor(broker, run)
    broker.enqueue(finish("a"))
    with working(broker, threads=2):
        assert started.wait(30)
        chaos_rabbitmq.close_connections()
        # Then it is delivered again, as it must be,
        calls.wait_for_count(2)
        # and what its first run settles is nothing of the new connection's
        go_on.set()
        broker.enqueue(finish("b"))
        calls.wait_for(lambda seen: "b" in seen)
    with Client(chaos_url) as client:
        assert client.depth(FINISH_QUEUE) == 0


def test_what_waits_in_memory_while_the_connection_is_lost_runs_once(
    chaos_rabbitmq: RabbitNode, chaos_url
):
    # Given one thread at work, and ten messages behind it in memory
    started, go_on, calls = threading.Event(), threading.Event(), Calls()

    def run(argument: str) -> None:
        if argument == "first" and not started.is_set():
            started.set()
            go_on.wait()
        calls.note(argument)

    broker = fleet_broker(chaos_url, prefetch=20)
    actor(broker, run)
    names = [str(number) for number in range(10)]
    for name in ("first", *names):
        broker.enqueue(finish(name))
    with working(broker, threads=1) as worker:
        assert started.wait(30)
        eventually(lambda: worker.work_queue.qsize() == 10)
        # When
        chaos_rabbitmq.close_connections()
        eventually(lambda: worker.work_queue.qsize() == 21)
        go_on.set()
        # Then
        calls.wait_for_count(12)
        worker.work_queue.join()
    assert [name for name in sorted(calls.seen) if name != "first"] == names


def test_a_queue_that_was_deleted_is_declared_again_and_consumed(amqp_url):
    broker, calls = fleet_broker(amqp_url), Calls()
    actor(broker, calls.note)
    with working(broker), Client(amqp_url) as client:
        broker.enqueue(finish("before"))
        calls.wait_for_count(1)
        client.channel.queue_delete(FINISH_QUEUE)
        # (it is the consumer that misses it; a queue that only just stands may still refuse messages)
        eventually(lambda: consumers(client, FINISH_QUEUE))
        broker.enqueue(finish("after"))
        assert calls.wait_for_count(2) == ["before", "after"]


def test_a_queue_that_whoever_publishes_misses_first_is_consumed_again(amqp_url):
    broker, calls = fleet_broker(amqp_url), Calls()
    actor(broker, calls.note)
    with working(broker), Client(amqp_url) as client:
        broker.enqueue(finish("before"))
        calls.wait_for_count(1)
        client.channel.queue_delete(FINISH_QUEUE)
        broker.enqueue(finish("after"))
        assert calls.wait_for_count(2) == ["before", "after"]


def test_a_tag_group_that_is_added_while_it_runs_is_consumed(amqp_url):
    broker, calls = fleet_broker(amqp_url), Calls()
    actor(broker, lambda delivery: calls.note(delivery.body), name="accept")
    with working(broker), Client(amqp_url) as client:
        broker.add_group("new")
        client.publish(REQUESTS_EXCHANGE, "new", b"a request")
        assert calls.wait_for_count(1) == [b"a request"]


@pytest.mark.parametrize("count", [1, 6])
def test_a_process_has_one_connection_however_many_queues_it_consumes(
    rabbitmq: RabbitNode, amqp_url, count
):
    # Given
    broker, calls = fleet_broker(amqp_url), Calls()
    actor(broker, lambda delivery: calls.note(delivery), name="accept")
    with working(broker), Client(amqp_url) as client:
        for number in range(count):
            broker.add_group(f"group-{number}")
            client.publish(REQUESTS_EXCHANGE, f"group-{number}", b"a request")
        calls.wait_for_count(count)
        # When
        vhost = amqp_url.rpartition("/")[2]
        listed = rabbitmq.ctl("list_connections", "vhost", "--no-table-headers").split()
    # Then (the other is the client's)
    assert listed.count(vhost) == 2


def _enqueue_when_it_is_back(broker: FleetBroker, argument: str) -> None:
    def enqueue() -> bool:
        try:
            broker.enqueue(finish(argument))
        except Exception:
            return False
        return True

    eventually(enqueue)
