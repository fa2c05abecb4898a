"""What becomes of a message, by how its actor ended."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from tests.workers.broker.harness import (
    Calls,
    Client,
    actor,
    eventually,
    failure,
    finish,
    finish_body,
    fleet_broker,
    working,
)

from tagfleet.models.errors import PublishFailed, Retryable, ServiceUnavailable
from tagfleet.models.queues import (
    DEAD_LETTERS_EXCHANGE,
    DEAD_LETTERS_QUEUE,
    FINISH_QUEUE,
    REQUESTS_EXCHANGE,
    SUSPECTS_QUEUE,
)
from tagfleet.workers.broker import FleetBroker
from tagfleet.workers.broker.delivery import Delivery
from tagfleet.workers.broker.undone import Patience

AT_ONCE = Patience(longest_pause=0)


@pytest.fixture
def broker(amqp_url: str) -> FleetBroker:
    return fleet_broker(amqp_url)


@pytest.fixture
def client(amqp_url: str, broker: FleetBroker):
    with Client(amqp_url) as client:
        yield client


def test_a_message_whose_actor_returns_is_done(broker, client):
    calls = Calls()
    actor(broker, calls.note)
    broker.enqueue(finish("a"))
    with working(broker):
        calls.wait_for_count(1)
    assert client.depth(FINISH_QUEUE) == 0
    assert client.depth(DEAD_LETTERS_QUEUE) == 0


def test_a_message_whose_actor_raises_an_unforeseen_error_is_a_dead_letter_with_the_error(
    broker, client
):
    def run(argument: str) -> None:
        raise KeyError(argument)

    actor(broker, run)
    message = broker.enqueue(finish("a"))
    with working(broker):
        [(properties, body)] = client.take(DEAD_LETTERS_QUEUE, 1)
    assert properties.headers["x-tagfleet-reason"] == "finish failed: KeyError: 'a'"
    assert properties.headers["x-tagfleet-deliveries"] == 1
    assert body == message.encode()
    assert client.depth(FINISH_QUEUE) == 0


def test_a_message_whose_actor_is_called_with_wrong_arguments_is_a_dead_letter(broker, client):
    actor(broker, Calls().note)
    with working(broker):
        client.publish("", FINISH_QUEUE, finish_body("a", args=["too", "many"]))
        [(properties, _)] = client.take(DEAD_LETTERS_QUEUE, 1)
    assert "TypeError" in properties.headers["x-tagfleet-reason"]


def test_a_message_whose_actor_raises_retryable_is_tried_again_and_counted_as_no_failure(
    amqp_url, client
):
    # Given
    broker, calls = fleet_broker(amqp_url, patience=AT_ONCE), Calls()

    def run(delivery: Delivery) -> None:
        calls.note((delivery.body, delivery.delivery_count))
        if len(calls.seen) < 30:
            raise ServiceUnavailable("MongoDB", "mongodb://host", "it sleeps")

    actor(broker, run, name="accept")
    client.publish(REQUESTS_EXCHANGE, "etl", b"a")
    # When it fails more often than RabbitMQ hands anything out
    with working(broker):
        assert calls.wait_for_count(30) == [(b"a", 0)] * 30
    # Then
    assert client.depth("tagfleet.etl") == 0
    assert client.depth(DEAD_LETTERS_QUEUE) == 0


def test_a_request_that_is_held_for_long_is_published_anew_before_rabbitmq_takes_it_back(
    amqp_url, client
):
    # Given
    patience = replace(AT_ONCE, hold=0)
    broker, calls = fleet_broker(amqp_url, patience=patience), Calls()

    def run(delivery: Delivery) -> None:
        calls.note(delivery)
        if len(calls.seen) < 30:
            raise ServiceUnavailable("MongoDB", "mongodb://host", "it sleeps")

    actor(broker, run, name="accept")
    # When
    client.publish(
        REQUESTS_EXCHANGE, "etl", b"a", message_id="job-1", user_id="guest", headers={"x-trace": 7}
    )
    with working(broker):
        seen = calls.wait_for_count(30)
    # Then it is the same request, and nobody has counted anything
    assert {(each.body, each.message_id, each.routing_key) for each in seen} == {
        (b"a", "job-1", "etl")
    }
    assert {each.delivery_count for each in seen} == {0}
    assert seen[-1].headers == {"x-trace": 7, "x-tagfleet-user-id": "guest"}
    assert client.depth("tagfleet.etl") == 0
    assert client.depth(DEAD_LETTERS_QUEUE) == 0


def test_work_that_cannot_be_done_for_now_is_left_to_the_clock_which_rings_again(amqp_url, client):
    broker, calls = fleet_broker(amqp_url, patience=replace(AT_ONCE, work_tries=5)), Calls()

    def run(argument: str) -> None:
        calls.note(argument)
        raise Retryable("not now")

    actor(broker, run)
    broker.enqueue(finish("a"))
    with working(broker) as worker:
        calls.wait_for_count(5)
        worker.join()
    assert len(calls.seen) == 5
    assert client.depth(FINISH_QUEUE) == 0
    assert client.depth(DEAD_LETTERS_QUEUE) == 0


def test_others_go_on_while_a_failed_message_waits(broker):
    # Given a worker of one thread, and a message that comes again after a pause
    calls = Calls()

    def run(argument: str) -> None:
        calls.note(argument)
        if argument == "waits":
            raise Retryable("not yet")

    actor(broker, run)
    broker.enqueue(finish("waits"))
    with working(broker, threads=1):
        calls.wait_for_count(1)
        # When
        for number in range(20):
            broker.enqueue(finish(str(number)))
        # Then
        calls.wait_for(lambda seen: "19" in seen)


def test_a_message_stays_in_its_queue_when_its_dead_letter_cannot_be_kept(
    broker, client, monkeypatch
):
    # Given no exchange for dead letters
    monkeypatch.setattr(broker, "declare_what_is_missing", lambda: None)
    client.channel.exchange_delete(DEAD_LETTERS_EXCHANGE)
    calls = Calls()

    def run(argument: str) -> None:
        calls.note(argument)
        raise KeyError(argument)

    actor(broker, run)
    broker.enqueue(finish("a"))
    # When
    with working(broker):
        calls.wait_for_count(2)
    # Then
    assert eventually(lambda: client.depth(FINISH_QUEUE)) == 1


def test_the_exchange_for_dead_letters_is_declared_again_when_it_is_missed(broker, client):
    client.channel.exchange_delete(DEAD_LETTERS_EXCHANGE)
    actor(broker, Calls().note)
    with working(broker):
        client.publish("", FINISH_QUEUE, b"not a message")
        [(_, body)] = client.take(DEAD_LETTERS_QUEUE, 1)
    assert body == b"not a message"


def test_a_worker_that_stops_gives_back_what_it_has_not_begun(broker, client):
    # Given a worker of one thread with a task, and others in its memory
    running, go_on = threading.Event(), threading.Event()

    def run(argument: str) -> None:
        running.set()
        go_on.wait()

    actor(broker, run)
    for number in range(5):
        broker.enqueue(finish(str(number)))
    with working(broker, threads=1) as worker:
        assert running.wait(30)
        # When
        worker.workers[0].stop()
        go_on.set()
    # Then
    assert eventually(lambda: client.depth(FINISH_QUEUE)) == 4


def test_acks_out_of_order_settle_each_message_once(broker, client):
    # Given eight threads that end in any order, and the first message last
    first_may_end, calls = threading.Event(), Calls()

    def run(argument: str) -> None:
        if argument == "0":
            first_may_end.wait()
        calls.note(argument)

    actor(broker, run)
    for number in range(300):
        broker.enqueue(finish(str(number)))
    # When
    with working(broker, threads=8):
        calls.wait_for_count(299)
        first_may_end.set()
        seen = calls.wait_for_count(300)
    # Then
    assert sorted(seen, key=int) == [str(number) for number in range(300)]
    assert client.depth(FINISH_QUEUE) == 0


def test_a_delay_is_refused_since_what_waits_waits_in_the_database(broker):
    with pytest.raises(ValueError, match="MongoDB"):
        broker.enqueue(finish("a"), delay=1000)
    broker.close()


def test_a_queue_that_is_none_of_the_fleets_is_refused(broker):
    with pytest.raises(ValueError, match="add_group"):
        broker.declare_queue("default")
    broker.close()


def test_no_queue_for_delayed_or_dead_messages_of_dramatiq_is_made(broker, client):
    actor(broker, Calls().note)
    broker.enqueue(finish("a"))
    with working(broker) as worker:
        assert set(worker.consumers) == {
            "tagfleet.etl",
            "tagfleet.intake",
            SUSPECTS_QUEUE,
            FINISH_QUEUE,
        }
    for suffix in ("DQ", "XQ"):
        with pytest.raises(Exception, match="404"):
            client.depth(f"{FINISH_QUEUE}.{suffix}")
        client.channel = client.connection.channel()


def test_enqueue_fails_when_the_queue_is_full(broker, client, rabbitmq, amqp_url):
    actor(broker, Calls().note)
    broker.enqueue(finish("a"))
    rabbitmq.policy(amqp_url, ".*", '{"max-length": 1, "overflow": "reject-publish"}')
    error = failure(lambda: [broker.enqueue(finish("more")) for _ in range(20)])
    broker.close()
    assert isinstance(error, PublishFailed)
