"""The publisher tells what became of every request, whatever RabbitMQ is up to."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from tests.rabbitmq import RabbitNode
from tests.workers.broker.harness import Client, eventually, failure

from tagfleet.models.errors import (
    InvalidInput,
    PublishFailed,
    ServiceUnavailable,
    Unroutable,
)
from tagfleet.models.queues import INTAKE_QUEUE, topology
from tagfleet.producers.publisher import Publisher
from tagfleet.workers.broker.topology import declare

ETL_QUEUE = "tagfleet.etl"


def request(**more: Any) -> dict[str, Any]:
    return {
        "name": "nightly",
        "user": "ana",
        "version": "1",
        "clusterCriterias": [{"tags": ["type:yarn"]}],
        "commandCriteria": ["type:spark"],
        **more,
    }


def ids(client: Client, queue: str, count: int) -> list[str]:
    return [json.loads(body)["id"] for _, body in client.take(queue, count)]


@pytest.fixture
def fleet_url(amqp_url: str) -> str:
    declare(amqp_url, topology(["etl"]))
    return amqp_url


@pytest.fixture
def breakable_url(chaos_rabbitmq: RabbitNode, chaos_url: str) -> str:
    declare(chaos_url, topology(["etl"]))
    chaos_rabbitmq.flush()
    return chaos_url


def test_a_request_is_published_as_plain_json_with_its_properties(fleet_url):
    with Publisher(fleet_url) as publisher:
        job_id = publisher.publish(request(id="job-1"), routing_key="etl")
    with Client(fleet_url) as client:
        [(properties, body)] = client.take(ETL_QUEUE, 1)
    assert job_id == "job-1"
    assert json.loads(body) == request(id="job-1")
    assert properties.content_type == "application/json"
    assert properties.delivery_mode == 2
    assert properties.message_id == "job-1"
    assert properties.user_id == "guest"
    assert properties.app_id == "tagfleet"


def test_the_job_id_is_the_callers_or_the_requests_or_a_new_one(fleet_url):
    with Publisher(fleet_url) as publisher:
        given = publisher.publish(request(id="of-request"), job_id="of-caller")
        own = publisher.publish(request(id="of-request"))
        made = publisher.publish(request())
    with Client(fleet_url) as client:
        assert ids(client, INTAKE_QUEUE, 3) == [given, own, made]
    assert (given, own) == ("of-caller", "of-request")
    assert len(made) == 36


def test_an_empty_user_id_is_not_sent(fleet_url):
    with Publisher(fleet_url, user_id="") as publisher:
        publisher.publish(request())
    with Client(fleet_url) as client:
        [(properties, _)] = client.take(INTAKE_QUEUE, 1)
    assert properties.user_id is None


def test_the_name_of_another_user_is_refused_with_the_brokers_words(fleet_url):
    with Publisher(fleet_url, user_id="somebody") as publisher:
        error = failure(lambda: publisher.publish(request()))
    assert isinstance(error, PublishFailed)
    assert "somebody" in str(error)


@pytest.mark.parametrize("key", ["no-such-group", "clusters", "dead-letters", "", "Not A Name"])
def test_a_routing_key_that_no_queue_takes_is_an_error(fleet_url, key):
    with Publisher(fleet_url) as publisher:
        with pytest.raises(Unroutable):
            publisher.publish(request(), routing_key=key)
        with pytest.raises(Unroutable):
            publisher.publish_many([request()], routing_key=key)
    with Client(fleet_url) as client:
        assert client.depth(INTAKE_QUEUE) == 0


def test_a_queue_that_comes_later_is_found(fleet_url):
    with Publisher(fleet_url) as publisher:
        with pytest.raises(Unroutable):
            publisher.publish(request(), routing_key="new")
        declare(fleet_url, topology(["new"]))
        publisher.publish(request(id="job-1"), routing_key="new")
    with Client(fleet_url) as client:
        assert ids(client, "tagfleet.new", 1) == ["job-1"]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"user": None}, "user"),
        ({"clusterCriterias": []}, "clusterCriterias"),
        ({"metadata": {"when": object()}}, "not JSON"),
        ({"metadata": {"ratio": float("nan")}}, "not JSON"),
        ({"description": "x" * 900}, "at most 1000"),
    ],
)
def test_a_request_that_no_worker_could_use_is_not_sent(fleet_url, wrong, problem):
    with Publisher(fleet_url, max_body_bytes=1000) as publisher:
        error = failure(lambda: publisher.publish(request(**wrong)))
    assert isinstance(error, InvalidInput)
    assert problem in str(error)
    with Client(fleet_url) as client:
        assert client.depth(INTAKE_QUEUE) == 0


def test_of_many_requests_each_has_a_result_in_order(fleet_url):
    requests = [request(id=f"job-{number}") for number in range(500)]
    requests[7]["user"] = None
    with Publisher(fleet_url) as publisher:
        results = publisher.publish_many(iter(requests), routing_key="etl")
    assert [result.job_id for result in results] == [f"job-{number}" for number in range(500)]
    assert [result.job_id for result in results if result.error] == ["job-7"]
    with Client(fleet_url) as client:
        assert client.depth(ETL_QUEUE) == 499


def test_a_full_queue_is_told_for_each_request_that_it_refused(rabbitmq, fleet_url):
    rabbitmq.policy(fleet_url, "etl$", '{"max-length": 5}')
    with Publisher(fleet_url) as publisher:
        results = publisher.publish_many([request() for _ in range(2000)], routing_key="etl")
        error = failure(
            lambda: [publisher.publish(request(), routing_key="etl") for _ in range(10)]
        )
    refused = [result for result in results if result.error]
    assert refused
    assert all(type(result.error) is PublishFailed for result in refused)
    assert type(error) is PublishFailed
    for each in (error, refused[0].error):
        assert "the queue 'tagfleet.etl' is full" in str(each)
        assert "publish it again" in str(each)
    with Client(fleet_url) as client:
        kept = ids(client, ETL_QUEUE, 2000 - len(refused))
    assert set(kept) == {result.job_id for result in results if not result.error}


def test_a_node_that_is_killed_in_the_middle_of_many(chaos_rabbitmq, breakable_url):
    # Given somebody who publishes many, when half of them are out
    half = threading.Event()

    def requests():
        for number in range(3000):
            if number == 1500:
                half.set()
                killed.wait()
            yield request(id=f"job-{number}")

    killed, results = threading.Event(), []
    with Publisher(breakable_url) as publisher:
        publishing = threading.Thread(
            target=lambda: results.extend(publisher.publish_many(requests(), routing_key="etl"))
        )
        publishing.start()
        assert half.wait(60)
        chaos_rabbitmq.kill9()
        killed.set()
        publishing.join()
    # Then each has its result, and what was told as safe is there after all
    chaos_rabbitmq.restart()
    safe = {result.job_id for result in results if result.error is None}
    failed = [result.error for result in results if result.error]
    with Client(breakable_url) as client:
        # (a quorum queue that comes back counts its messages up)
        eventually(lambda: client.depth(ETL_QUEUE) >= len(safe))
        kept = ids(client, ETL_QUEUE, client.depth(ETL_QUEUE))
    assert len(results) == 3000
    assert failed
    assert all(isinstance(error, PublishFailed | ServiceUnavailable) for error in failed)
    assert safe <= set(kept)


def test_a_connection_that_breaks_on_the_way_is_made_again_and_the_request_is_sent_again(
    chaos_rabbitmq, breakable_url
):
    with Publisher(breakable_url) as publisher:
        publisher.publish(request(id="before"), routing_key="etl")
        chaos_rabbitmq.close_connections()
        publisher.publish(request(id="after"), routing_key="etl")
    with Client(breakable_url) as client:
        assert ids(client, ETL_QUEUE, 2) == ["before", "after"]


def test_a_publisher_goes_on_after_the_node_was_killed_and_started_again(
    chaos_rabbitmq, breakable_url
):
    with Publisher(breakable_url) as publisher:
        publisher.publish(request(id="before"), routing_key="etl")
        chaos_rabbitmq.kill9()
        error = failure(lambda: publisher.publish(request(id="lost"), routing_key="etl"))
        chaos_rabbitmq.restart()
        eventually(lambda: _is_taken(publisher, "after"))
    assert isinstance(error, ServiceUnavailable)
    with Client(breakable_url) as client:
        kept = ids(client, ETL_QUEUE, client.depth(ETL_QUEUE))
    assert (kept[0], set(kept)) == ("before", {"before", "after"})


def test_a_frozen_node_is_an_error_and_not_a_wait_for_ever(chaos_rabbitmq, breakable_url):
    url = f"{breakable_url}?stack_timeout=1"
    with Publisher(url, confirm_timeout=1) as publisher:
        publisher.publish(request(), routing_key="etl")
        chaos_rabbitmq.freeze()
        one = failure(lambda: publisher.publish(request(), routing_key="etl"))
        many = failure(lambda: publisher.publish_many([request()] * 3, routing_key="etl"))
        chaos_rabbitmq.thaw()
    assert isinstance(one, ServiceUnavailable)
    assert isinstance(many, ServiceUnavailable)


def test_a_node_short_of_memory_is_an_error_for_each_request(chaos_rabbitmq, breakable_url):
    with Publisher(breakable_url, confirm_timeout=1) as publisher:
        publisher.publish(request(), routing_key="etl")
        chaos_rabbitmq.memory_alarm(on=True)
        try:
            results = publisher.publish_many([request() for _ in range(2000)], routing_key="etl")
        finally:
            chaos_rabbitmq.memory_alarm(on=False)
    assert len(results) == 2000
    assert all(isinstance(result.error, PublishFailed) for result in results)


def _is_taken(publisher: Publisher, job_id: str) -> bool:
    try:
        publisher.publish(request(id=job_id), routing_key="etl")
    except (PublishFailed, ServiceUnavailable, Unroutable):
        return False
    return True
