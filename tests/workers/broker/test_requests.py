"""Requests come by their queues as they were published, whoever published them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import dramatiq
import pytest
from tests.workers.broker.harness import Calls, Client, finish_body, fleet_broker, working

from tagfleet.models.queues import DEAD_LETTERS_QUEUE, INTAKE_QUEUE, REQUESTS_EXCHANGE
from tagfleet.workers.broker import FleetBroker
from tagfleet.workers.broker.delivery import Delivery

BODY = json.dumps({"id": "job-1", "name": "etl"}).encode()


@pytest.fixture
def client(amqp_url: str, broker: FleetBroker):
    with Client(amqp_url) as client:
        yield client


@pytest.fixture
def broker(amqp_url: str) -> FleetBroker:
    return fleet_broker(amqp_url, max_body_bytes=4096)


def take_requests(broker: FleetBroker) -> Calls:
    calls = Calls()

    def declare(name: str) -> None:
        def run(delivery: Delivery) -> None:
            calls.note((name, delivery))

        dramatiq.actor(broker=broker, actor_name=name, queue_name=INTAKE_QUEUE)(run)

    declare("intake")
    declare("accept")
    return calls


def test_a_request_for_a_tag_group_reaches_accept_as_it_was_published(broker, client):
    calls = take_requests(broker)
    with working(broker):
        client.publish(
            REQUESTS_EXCHANGE,
            "etl",
            BODY,
            message_id="job-1",
            user_id="guest",
            content_type="application/json",
            headers={"x-trace": "7"},
            delivery_mode=2,
        )
        [(name, delivery)] = calls.wait_for_count(1)
    assert name == "accept"
    assert delivery == Delivery(
        body=BODY,
        queue="tagfleet.etl",
        exchange=REQUESTS_EXCHANGE,
        routing_key="etl",
        message_id="job-1",
        user_id="guest",
        content_type="application/json",
        headers={"x-trace": "7"},
        redelivered=False,
        delivery_count=0,
    )


def test_a_request_without_a_tag_group_reaches_intake(broker, client):
    calls = take_requests(broker)
    with working(broker):
        client.publish(REQUESTS_EXCHANGE, "intake", BODY)
        [(name, delivery)] = calls.wait_for_count(1)
    assert (name, delivery.routing_key, delivery.message_id) == ("intake", "intake", None)


def test_an_unknown_routing_key_reaches_intake_with_the_key(broker, client):
    calls = take_requests(broker)
    with working(broker):
        client.publish(REQUESTS_EXCHANGE, "no-such-group", BODY)
        [(name, delivery)] = calls.wait_for_count(1)
    assert (name, delivery.queue, delivery.routing_key) == (
        "intake",
        INTAKE_QUEUE,
        "no-such-group",
    )


def test_a_request_that_looks_like_a_message_to_an_actor_calls_no_actor_of_its_choice(
    broker, client
):
    calls = take_requests(broker)
    body = finish_body("evil")
    with working(broker):
        client.publish(REQUESTS_EXCHANGE, "etl", body)
        [(name, delivery)] = calls.wait_for_count(1)
    assert (name, delivery.body) == ("accept", body)


def test_a_body_that_is_too_large_is_a_dead_letter_with_the_id_in_a_header(broker, client):
    calls = take_requests(broker)
    with working(broker):
        client.publish(REQUESTS_EXCHANGE, "etl", b"x" * 4097, message_id="job-9", user_id="guest")
        [(properties, body)] = client.take(DEAD_LETTERS_QUEUE, 1)
    assert body == b"x" * 4097
    died = properties.headers.pop("x-tagfleet-time")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(died)) < timedelta(minutes=5)
    assert properties.headers == {
        "x-tagfleet-deliveries": 1,
        "x-tagfleet-reason": "The body has 4097 bytes: at most 4096 are read.",
        "x-tagfleet-queue": "tagfleet.etl",
        "x-tagfleet-routing-key": "etl",
        "x-tagfleet-exchange": REQUESTS_EXCHANGE,
        "x-tagfleet-message-id": "job-9",
        "x-tagfleet-user-id": "guest",
    }
    assert calls.seen == []


def test_an_actor_may_make_a_request_a_dead_letter(broker, client):
    def run(delivery: Delivery) -> None:
        broker.dead_letter(delivery, "no JSON")

    dramatiq.actor(broker=broker, actor_name="accept", queue_name=INTAKE_QUEUE)(run)
    with working(broker):
        client.publish(
            REQUESTS_EXCHANGE, "etl", b"{", correlation_id="c-1", headers={"x-trace": "7"}
        )
        [(properties, body)] = client.take(DEAD_LETTERS_QUEUE, 1)
    assert body == b"{"
    assert properties.correlation_id == "c-1"
    assert properties.headers["x-trace"] == "7"
    assert properties.headers["x-tagfleet-reason"] == "no JSON"


@pytest.mark.parametrize(
    "headers",
    [{"x-big": "x" * 110_000}, {"x-number": 2**63 - 1, "x-nested": {"x": [1, None, b"\xff"]}}],
    ids=["large", "odd"],
)
def test_a_request_with_awkward_headers_still_becomes_a_dead_letter(broker, client, headers):
    with working(broker):
        client.publish(REQUESTS_EXCHANGE, "etl", b"x" * 5000, headers=headers)
        [(properties, _)] = client.take(DEAD_LETTERS_QUEUE, 1)
    assert properties.headers["x-tagfleet-queue"] == "tagfleet.etl"


def test_a_log_line_about_a_request_shows_nothing_of_its_body():
    # Given
    delivery = Delivery(
        body=b"a secret",
        queue="tagfleet.etl",
        exchange="",
        routing_key="etl",
        message_id="job-1",
        user_id=None,
        content_type=None,
        headers={"password": "secret"},
        redelivered=False,
        delivery_count=0,
    )
    # Then
    assert "secret" not in f"{delivery} {delivery!r}"
