"""Whatever arrives in a work queue: it runs an actor, or it is a dead letter that says why."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.workers.broker.harness import (
    Calls,
    Client,
    actor,
    finish_body,
    fleet_broker,
    working,
)

from tagfleet.models.queues import CLUSTERS_QUEUE, DEAD_LETTERS_QUEUE, FINISH_QUEUE
from tagfleet.workers.broker.decoding import FIELDS, Unusable, decode
from tagfleet.workers.broker.delivery import Delivery

VALID = json.loads(finish_body("a"))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def malformed_bodies(draw: st.DrawFn) -> bytes:
    """A valid message with one thing wrong; or bytes, or JSON, that are no message at all."""
    match draw(
        st.sampled_from(["bytes", "json", "type", "missing", "more", "actor", "options", "cut"])
    ):
        case "bytes":
            return draw(st.binary(max_size=64))
        case "json":
            return json.dumps(draw(json_values)).encode()
        case "type":
            name = draw(st.sampled_from(sorted(FIELDS)))
            wrong = json_values.filter(lambda value: type(value) is not FIELDS[name])
            return json.dumps({**VALID, name: draw(wrong)}).encode()
        case "missing":
            name = draw(st.sampled_from(sorted(FIELDS)))
            return json.dumps({key: VALID[key] for key in FIELDS if key != name}).encode()
        case "more":
            key = draw(st.text(max_size=8).filter(lambda key: key not in FIELDS))
            return json.dumps({**VALID, key: draw(json_values)}).encode()
        case "actor":
            name = draw(st.text(max_size=20).filter(lambda name: name != "finish"))
            return json.dumps({**VALID, "actor_name": name}).encode()
        case "options":
            options = draw(
                st.dictionaries(st.text(max_size=8), json_values, min_size=1, max_size=2)
            )
            return json.dumps({**VALID, "options": options}).encode()
        case _:
            body = json.dumps(VALID).encode()
            return body[: draw(st.integers(0, len(body) - 1))]


def delivery_of(body: bytes) -> Delivery:
    return Delivery(
        body=body,
        queue=FINISH_QUEUE,
        exchange="",
        routing_key=FINISH_QUEUE,
        message_id=None,
        user_id=None,
        content_type=None,
        headers={},
        redelivered=False,
        delivery_count=0,
    )


@settings(max_examples=400, deadline=None)
@given(malformed_bodies())
def test_a_malformed_body_is_refused_with_a_reason(body):
    with pytest.raises(Unusable) as refused:
        decode(delivery_of(body), actors={"finish"}, max_body_bytes=4096)
    assert str(refused.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff", "not a Dramatiq message: .*decode"),
        (b"[" * 4000, "nested too deeply"),
        (b"9" * 5000, "digits"),
        (finish_body("a", options=None), "options is not of the type dict"),
        (finish_body("a", options={"eta": 1}), "have no options"),
        (finish_body("a", options={"throws": "x"}), "have no options"),
        (finish_body("a", message_timestamp=True), "message_timestamp is not of the type int"),
        (finish_body("a", actor_name="accept"), "no actor 'accept'"),
        (finish_body("a", actor_name="nobody"), "no actor 'nobody'"),
        (finish_body("a" * 9000), "at most 8192"),
    ],
    ids=range(10),
)
def test_the_reason_names_what_is_wrong(body, reason):
    with pytest.raises(Unusable, match=f"(?i){reason}"):
        decode(delivery_of(body), actors={"finish", "accept"}, max_body_bytes=8192)


def test_thousands_of_malformed_messages_are_dead_letters_and_those_between_are_done(amqp_url):
    # Given
    broker = fleet_broker(amqp_url)
    calls = Calls()
    actor(broker, calls.note)
    bad = _examples(2000)
    with working(broker, threads=4) as worker, Client(amqp_url) as client:
        # When
        for number, body in enumerate(bad):
            client.channel.basic_publish("", FINISH_QUEUE, body)
            if number % 10 == 0:
                client.channel.basic_publish("", FINISH_QUEUE, finish_body(str(number)))
        letters = client.take(DEAD_LETTERS_QUEUE, len(bad))
        seen = calls.wait_for_count(len(bad) // 10)
        # Then
        assert all(thread.is_alive() for thread in worker.workers)
        assert all(consumer.is_alive() for consumer in worker.consumers.values())
    assert sorted(body for _, body in letters) == sorted(bad)
    assert all(properties.headers["x-tagfleet-reason"] for properties, _ in letters)
    assert sorted(seen, key=int) == [str(number) for number in range(0, len(bad), 10)]


def test_a_message_for_an_actor_of_another_queue_runs_by_the_queue_that_it_came_by(amqp_url):
    broker = fleet_broker(amqp_url)
    calls = Calls()
    actor(broker, calls.note)
    broker.declare_queue(CLUSTERS_QUEUE)
    with working(broker), Client(amqp_url) as client:
        client.publish("", CLUSTERS_QUEUE, finish_body("a"))
        assert calls.wait_for_count(1) == ["a"]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-delivery-count": "many"},
        {"x-delivery-count": -(2**40)},
        {"x-death": 7},
        {"x" * 255: None},
        {"": b"\xff\x00"},
    ],
    ids=range(5),
)
def test_odd_headers_harm_nothing(amqp_url, headers):
    broker = fleet_broker(amqp_url)
    calls = Calls()
    actor(broker, calls.note)
    with working(broker), Client(amqp_url) as client:
        client.publish("", FINISH_QUEUE, b"bad", headers=headers)
        client.publish("", FINISH_QUEUE, finish_body("a"), headers=headers)
        client.take(DEAD_LETTERS_QUEUE, 1)
        assert calls.wait_for_count(1) == ["a"]


def _examples(count: int) -> list[bytes]:
    found: list[bytes] = []
    needed = itertools.repeat(None, count)

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(malformed_bodies())
    def collect(body: bytes) -> None:
        if next(needed, 0) is None:
            found.append(body)

    collect()
    return found
