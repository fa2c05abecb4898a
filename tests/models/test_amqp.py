"""One connection: what it publishes is confirmed or failed, whatever RabbitMQ is up to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pika
import pytest
from tests.rabbitmq import RabbitNode

from tagfleet.models.amqp import AmqpConnection, LinkLost, OutcomeUnknown, Outgoing, masked_url
from tagfleet.models.amqp_rpc import Refused, ask
from tagfleet.models.errors import BadSetting, PublishFailed, ServiceUnavailable, Unroutable

QUEUE = "jobs"


def outgoing(
    body: bytes = b"x", *, key: str = QUEUE, exchange: str = "", **properties: object
) -> Outgoing:
    return Outgoing(
        exchange=exchange,
        routing_key=key,
        body=body,
        properties=pika.BasicProperties(delivery_mode=2, **properties),
    )


@contextmanager
def channel(url: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        yield connection.channel()


def declare(url: str, **arguments: object) -> None:
    with channel(url) as opened:
        opened.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum", **arguments})


def bodies(url: str) -> list[bytes]:
    with channel(url) as opened:
        found = []
        while (got := opened.basic_get(QUEUE, auto_ack=True))[0]:
            found.append(got[2])
        return found


def test_what_is_confirmed_is_in_the_queue_in_order(amqp_url):
    declare(amqp_url)
    with AmqpConnection(amqp_url) as connection:
        futures = [connection.publish(outgoing(b"%d" % number)) for number in range(1000)]
        assert [future.result() for future in futures] == [None] * 1000
    assert bodies(amqp_url) == [b"%d" % number for number in range(1000)]


def test_many_threads_share_it(amqp_url):
    declare(amqp_url)
    with AmqpConnection(amqp_url, window=10) as connection:
        threads = [
            threading.Thread(target=lambda n=n: connection.publish_all([outgoing(b"%d" % n)] * 50))
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(bodies(amqp_url)) == sorted(b"%d" % n for n in range(8) for _ in range(50))


def test_a_message_that_no_queue_takes_fails_and_its_neighbours_do_not(amqp_url):
    declare(amqp_url)
    with AmqpConnection(amqp_url) as connection:
        keys = [QUEUE, "nobody", QUEUE, QUEUE, "nobody"]
        futures = [connection.publish(outgoing(key=key)) for key in keys]
        errors = [future.exception() for future in futures]
    assert [type(error) for error in errors] == [
        type(None),
        Unroutable,
        type(None),
        type(None),
        Unroutable,
    ]


def test_a_message_that_the_queue_refuses_fails(amqp_url):
    declare(amqp_url, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    with AmqpConnection(amqp_url) as connection:
        errors = [connection.publish(outgoing()).exception() for _ in range(20)]
    refused = [error for error in errors if error]
    assert refused
    assert all(type(error) is PublishFailed for error in refused)
    assert len(bodies(amqp_url)) == 20 - len(refused)


def test_an_exchange_that_is_not_there_fails_its_messages_and_no_later_one(amqp_url):
    declare(amqp_url)
    with AmqpConnection(amqp_url) as connection:
        error = connection.publish(outgoing(exchange="nowhere")).exception()
        connection.publish(outgoing()).result()
    assert isinstance(error, PublishFailed)
    assert "no exchange 'nowhere'" in str(error)


def test_a_property_that_amqp_cannot_carry_fails_its_message_alone(amqp_url):
    declare(amqp_url)
    with AmqpConnection(amqp_url) as connection:
        error = connection.publish(outgoing(message_id="x" * 256)).exception()
        connection.publish(outgoing()).result()
    assert isinstance(error, PublishFailed)


def test_closing_waits_for_the_confirms(amqp_url):
    declare(amqp_url)
    connection = AmqpConnection(amqp_url)
    futures = [connection.publish(outgoing()) for _ in range(300)]
    connection.close()
    assert all(future.done() and future.exception() is None for future in futures)


def test_a_closed_connection_refuses_more(amqp_url):
    connection = AmqpConnection(amqp_url)
    connection.close()
    with pytest.raises(ServiceUnavailable, match="was closed"):
        connection.publish(outgoing())


def test_it_comes_back_after_its_connection_was_closed(chaos_rabbitmq: RabbitNode, chaos_url):
    declare(chaos_url)
    with AmqpConnection(chaos_url) as connection:
        connection.publish(outgoing(b"before")).result()
        lost = threading.Event()
        connection.link().on_loss(lambda _: lost.set())
        chaos_rabbitmq.close_connections()
        assert lost.wait(30)
        connection.publish(outgoing(b"after")).result()
    assert bodies(chaos_url) == [b"before", b"after"]


def test_all_that_was_confirmed_survives_a_kill_and_the_rest_is_told_as_unknown(
    chaos_rabbitmq: RabbitNode, chaos_url
):
    # Given
    declare(chaos_url)
    chaos_rabbitmq.flush()
    with AmqpConnection(chaos_url) as connection:
        futures = [connection.publish(outgoing(b"%d" % number)) for number in range(2000)]
        # When
        chaos_rabbitmq.kill9()
        errors = [future.exception() for future in futures]
        # Then
        with pytest.raises(ServiceUnavailable, match="connection refused"):
            connection.publish(outgoing())
        chaos_rabbitmq.restart()
        _until_it_takes(connection, b"after")
    kept = bodies(chaos_url)
    assert all(error is None or isinstance(error, OutcomeUnknown) for error in errors)
    confirmed = {b"%d" % number for number, error in enumerate(errors) if error is None}
    assert confirmed | {b"after"} <= set(kept)


def test_a_frozen_node_fails_what_is_on_its_way_and_then_every_try(
    chaos_rabbitmq: RabbitNode, chaos_url
):
    declare(chaos_url)
    url = f"{chaos_url}?stack_timeout=1"
    with AmqpConnection(url, confirm_timeout=1) as connection:
        connection.publish(outgoing()).result()
        # When
        chaos_rabbitmq.freeze()
        error = connection.publish(outgoing()).exception(timeout=30)
        # Then
        assert isinstance(error, OutcomeUnknown)
        with pytest.raises(ServiceUnavailable, match="no answer within 1 s"):
            connection.publish(outgoing())
        # and when it goes on, so do we
        chaos_rabbitmq.thaw()
        connection.publish(outgoing()).result()


def test_a_node_short_of_memory_fails_what_is_on_its_way_and_keeps_the_connection(
    chaos_rabbitmq: RabbitNode, chaos_url
):
    declare(chaos_url)
    with AmqpConnection(chaos_url, confirm_timeout=1) as connection:
        connection.publish(outgoing()).result()
        link = connection.link()
        chaos_rabbitmq.memory_alarm(on=True)
        try:
            # When
            error = connection.publish(outgoing()).exception(timeout=30)
            # Then
            assert isinstance(error, PublishFailed)
            assert "memory" in str(error)
            assert link.is_alive
            with pytest.raises(PublishFailed, match="memory"):
                connection.publish(outgoing())
        finally:
            chaos_rabbitmq.memory_alarm(on=False)
        _until_it_takes(connection, b"after")
        assert connection.link() is link


def test_a_full_window_fails_the_next_message_when_nothing_is_confirmed(
    chaos_rabbitmq: RabbitNode, chaos_url
):
    declare(chaos_url)
    with AmqpConnection(f"{chaos_url}?stack_timeout=1", confirm_timeout=1, window=3) as connection:
        connection.publish(outgoing()).result()
        chaos_rabbitmq.freeze()
        # When
        futures = [connection.publish(outgoing()) for _ in range(3)]
        with pytest.raises((PublishFailed, ServiceUnavailable)):
            connection.publish(outgoing())
        # Then
        assert all(isinstance(future.exception(30), OutcomeUnknown) for future in futures)
        chaos_rabbitmq.thaw()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("amqp://guest:guest@127.0.0.1:{port}/nope", "virtual host 'nope' does not exist"),
        ("amqp://guest:secret@127.0.0.1:{port}/", "user name or the password is refused"),
        ("amqp://guest:secret@127.0.0.1:1/", "connection refused"),
        ("amqp://guest:secret@no-such-host.invalid/", "name or service not known|nodename"),
    ],
)
def test_why_it_cannot_connect_is_said_without_the_password(rabbitmq: RabbitNode, url, why):
    connection = AmqpConnection(url.format(port=rabbitmq.port))
    with pytest.raises(ServiceUnavailable, match=why) as refused:
        connection.link()
    assert "TAGFLEET_AMQP_URL" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_peer_that_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"amqp://127.0.0.1:{silent.getsockname()[1]}/?stack_timeout=0.5"
        with pytest.raises(ServiceUnavailable, match=r"no answer within 0\.5 s"):
            AmqpConnection(url).link()


@pytest.mark.parametrize("url", ["amqp://host:port/", "http://host/", "amqp://h/?heartbeat=x"])
def test_a_url_that_cannot_be_used_names_the_setting(url):
    with pytest.raises(BadSetting, match="TAGFLEET_AMQP_URL"):
        AmqpConnection(url)


def test_a_masked_url_has_no_credentials():
    assert masked_url("amqps://u:p%40ss@host:5671/v?heartbeat=5") == "amqps://host:5671/v"
    assert "secret" not in masked_url("amqp://u:secret@[broken:5672/")


def test_asking_for_a_queue_that_is_not_there_is_refused_with_a_code(amqp_url):
    with AmqpConnection(amqp_url) as connection:
        question = lambda opened, answered: opened.queue_declare(  # noqa: E731
            "nope", passive=True, callback=answered
        )
        with pytest.raises(Refused) as refused:
            ask(connection.link(), [question])
    assert (refused.value.code, refused.value.index) == (404, 0)


def test_a_lost_link_says_so_to_whoever_comes_late(amqp_url):
    connection = AmqpConnection(amqp_url)
    link = connection.link()
    connection.close()
    for use in (
        lambda: link.call(print),
        lambda: link.on_loss(print),
        lambda: link.publishing.submit(outgoing(), None),
    ):
        with pytest.raises(LinkLost):
            use()


def _until_it_takes(connection: AmqpConnection, body: bytes) -> None:
    """A quorum queue needs a moment after a start, an alarm another to end."""
    for _ in range(100):
        try:
            connection.publish(outgoing(body)).result()
            return
        except PublishFailed:
            threading.Event().wait(0.1)
    raise AssertionError("it takes nothing")
