"""What stands in RabbitMQ after `declare`, and what it says when it cannot."""

from __future__ import annotations

import socket

import pytest
from tests.rabbitmq import RabbitNode
from tests.workers.broker.harness import Client, failure

from tagfleet.models.errors import ServiceUnavailable
from tagfleet.models.queues import (
    DEAD_LETTERS_EXCHANGE,
    DEAD_LETTERS_QUEUE,
    EVENTS_EXCHANGE,
    INTAKE_QUEUE,
    REQUESTS_EXCHANGE,
    WORK_QUEUES,
    topology,
)
from tagfleet.workers.broker.topology import DeclaredOtherwise, MayNotDeclare, declare

TOPOLOGY = topology(["etl", "ad-hoc"])


def test_all_queues_and_exchanges_stand_and_are_bound(amqp_url):
    declare(amqp_url, TOPOLOGY)
    with Client(amqp_url) as client:
        for exchange in (REQUESTS_EXCHANGE, EVENTS_EXCHANGE, DEAD_LETTERS_EXCHANGE):
            client.channel.exchange_declare(exchange, passive=True)
        for queue in (*WORK_QUEUES, DEAD_LETTERS_QUEUE):
            assert client.depth(queue) == 0
        for key in ("etl", "ad-hoc", "intake", "unknown"):
            client.publish(REQUESTS_EXCHANGE, key, key.encode())
        assert [body for _, body in client.take("tagfleet.etl", 1)] == [b"etl"]
        assert [body for _, body in client.take("tagfleet.ad-hoc", 1)] == [b"ad-hoc"]
        assert [body for _, body in client.take(INTAKE_QUEUE, 2)] == [b"intake", b"unknown"]


def test_declaring_twice_changes_nothing(amqp_url):
    declare(amqp_url, TOPOLOGY)
    with Client(amqp_url) as client:
        client.publish(REQUESTS_EXCHANGE, "etl", b"kept")
        declare(amqp_url, topology(["etl", "one-more"]))
        assert client.take("tagfleet.etl", 1)[0][1] == b"kept"


def test_a_queue_with_other_arguments_is_named_with_what_to_do(amqp_url):
    with Client(amqp_url) as client:
        client.channel.queue_declare("tagfleet.etl", durable=True)
    error = failure(lambda: declare(amqp_url, TOPOLOGY))
    assert isinstance(error, DeclaredOtherwise)
    assert "'tagfleet.etl'" in str(error)
    assert "rabbitmqctl delete_queue" in str(error)


def test_a_user_without_permission_is_told_which_one_it_needs(rabbitmq: RabbitNode, amqp_url):
    # Given
    vhost = amqp_url.rpartition("/")[2]
    rabbitmq.ctl("add_user", f"reader-{vhost}", "secret")
    rabbitmq.ctl("set_permissions", "-p", vhost, f"reader-{vhost}", "", "", ".*")
    # When
    url = rabbitmq.url(vhost, user=f"reader-{vhost}", password="secret")
    error = failure(lambda: declare(url, TOPOLOGY))
    # Then
    assert isinstance(error, MayNotDeclare)
    assert "set_permissions" in str(error)
    assert "secret" not in str(error)


def test_a_node_that_is_not_there_is_said_at_once():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"amqp://u:secret@127.0.0.1:{unused.getsockname()[1]}/"
        error = failure(lambda: declare(url, TOPOLOGY))
    assert isinstance(error, ServiceUnavailable)
    assert "connection refused" in str(error)
    assert "TAGFLEET_AMQP_URL" in str(error)
    assert "secret" not in str(error)


def test_a_name_that_is_no_group_is_refused():
    with pytest.raises(ValueError, match="Upper"):
        topology(["Upper"])
