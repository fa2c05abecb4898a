"""Who publishes for whom, on a RabbitMQ with several users: what it vouches for, and what is forged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker
from tests.models.samples import a_cluster, a_command, request_data
from tests.rabbitmq import RabbitNode
from tests.workers.broker.harness import Client, eventually, fleet_broker, working
from tests.workers.samples import NotedBus, a_fleet

from tagfleet.models import catalog, jobs
from tagfleet.models.dead_letter_queue import DeadLetterQueue
from tagfleet.models.errors import InvalidInput, JobNotFound
from tagfleet.models.queues import (
    DEAD_LETTERS_QUEUE,
    INTAKE_QUEUE,
    REQUESTS_EXCHANGE,
    SUSPECTS_QUEUE,
)
from tagfleet.models.settings import Settings
from tagfleet.models.states import JobStatus
from tagfleet.producers.publisher import Publisher
from tagfleet.workers.broker.delivery import Delivery
from tagfleet.workers.broker.suspects import suspect
from tagfleet.workers.publishers import Publishers
from tagfleet.workers.rabbit_bus import RabbitBus
from tagfleet.workers.stages import declare_request_stages

RULES = "version: 1\nqueues: {etl: , default: }\nroutes: [{name: all, queue: etl}]\n"


@dataclass(frozen=True)
class Place:
    """A virtual host, as the fleet's own user sees it and as a producer's."""

    fleet: str
    alice: str
    folder: Path

    @contextmanager
    def working(self, queues: set[str] | None = None, **settings: str) -> Iterator[None]:
        """A worker that takes requests while the block lasts."""
        broker = fleet_broker(self.fleet)
        (self.folder / "rules.yaml").write_text(RULES)
        stages = a_fleet(
            self.folder,
            NotedBus(),
            **{"RULES": str(self.folder / "rules.yaml"), "AMQP_URL": self.fleet, **settings},
        )
        declare_request_stages(broker, stages, RabbitBus(broker), INTAKE_QUEUE)
        with working(broker, queues=queues):
            yield


@pytest.fixture(scope="module")
def urls(rabbitmq: RabbitNode, fresh_vhosts: Iterator[str]) -> tuple[str, str]:
    """One virtual host by two users: the fleet's, and `alice`, who may publish requests and nothing else."""
    vhost = next(fresh_vhosts)
    fleet_broker(rabbitmq.url(vhost)).close()
    rabbitmq.ctl("add_user", "alice", "secret")
    rabbitmq.ctl("set_permissions", "-p", vhost, "alice", "^$", r"^tagfleet\.requests$", "^$")
    return rabbitmq.url(vhost), rabbitmq.url(vhost, user="alice", password="secret")


@pytest.fixture
def place(urls: tuple[str, str], mongodb: object, tmp_path: Path) -> Place:
    catalog.apply([a_cluster(), a_command()])
    with Client(urls[0]) as client:
        client.channel.queue_purge(DEAD_LETTERS_QUEUE)
    return Place(*urls, tmp_path)


def publish(client: Client, job_id: str, user: str, key: str = "etl", **properties: Any) -> None:
    body = json.dumps(request_data(id=job_id, user=user)).encode()
    client.publish(REQUESTS_EXCHANGE, key, body, message_id=job_id, **properties)


def status(job_id: str) -> JobStatus | None:
    try:
        return jobs.get(job_id).status
    except JobNotFound:
        return None


@pytest.mark.parametrize("key", ["etl", "intake"])
def test_a_request_for_another_user_is_refused_and_says_why(place: Place, key: str) -> None:
    with place.working(), Client(place.fleet) as fleet, Client(place.alice) as client:
        # When
        publish(client, "forged", "bob", key, user_id="alice")
        publish(client, "own", "alice", key, user_id="alice")
        # Then
        [(properties, _)] = fleet.take(DEAD_LETTERS_QUEUE, 1)
        eventually(lambda: status("own") is JobStatus.ACCEPTED)
    assert "TAGFLEET_AMQP_TRUSTED_PUBLISHERS" in properties.headers["x-tagfleet-reason"]
    assert properties.headers["x-tagfleet-user-id"] == "alice"
    refused = jobs.get("forged")
    assert refused.status is JobStatus.INVALID
    assert "'bob' is not 'alice'" in refused.status_message


def test_rabbitmq_refuses_the_name_of_another(place: Place) -> None:
    with Client(place.alice) as client, pytest.raises(ChannelClosedByBroker, match="user_id"):
        publish(client, "forged", "bob", user_id="bob")


def test_the_fleets_own_publisher_has_rabbitmq_vouch_for_it(place: Place) -> None:
    with place.working(AMQP_IDENTITY="require"), Publisher(place.alice) as publisher:
        publisher.publish(request_data(id="own", user="alice"))
        publisher.publish(request_data(id="forged", user="bob"))
        eventually(lambda: status("own") is JobStatus.ACCEPTED)
        eventually(lambda: status("forged") is JobStatus.INVALID)


@pytest.mark.parametrize("key", ["etl", "intake"])
def test_a_message_that_nobody_vouches_for_is_taken_unless_required(place: Place, key: str) -> None:
    with Client(place.alice) as client:
        with place.working():
            publish(client, "open", "bob", key)
            eventually(lambda: status("open") is JobStatus.ACCEPTED)
        with place.working(AMQP_IDENTITY="require"):
            publish(client, "closed", "bob", key)
            eventually(lambda: status("closed") is JobStatus.INVALID)
    assert "user_id: missing" in jobs.get("closed").status_message


def test_a_forged_header_makes_nobody_of_another_name(place: Place) -> None:
    # Given the header that the fleet notes a producer on
    forged = {"x-tagfleet-user-id": "bob"}
    with place.working(AMQP_IDENTITY="require"), Client(place.alice) as client:
        publish(client, "bare", "bob", headers=forged)
        publish(client, "own", "bob", user_id="alice", headers=forged)
        eventually(lambda: status("bare") is JobStatus.INVALID)
        eventually(lambda: status("own") is JobStatus.INVALID)
    # And the letters do not say that it was him
    with DeadLetterQueue(place.fleet) as queue:
        letters = {held.letter.job_id: held for held in queue.letters()}
    noted = {name: held.properties.headers["x-tagfleet-user-id"] for name, held in letters.items()}
    assert noted == {"bare": "", "own": "alice"}
    assert letters["own"].letter.user == "alice"


def test_the_producer_is_known_behind_the_intake(place: Place) -> None:
    # Given a request that a worker has passed on
    with place.working(queues={INTAKE_QUEUE}), Client(place.alice) as client:
        publish(client, "own", "alice", "intake", user_id="alice")
        with Client(place.fleet) as fleet:
            [(properties, body)] = fleet.take("tagfleet.etl", 1)
    # When it is read
    assert (properties.user_id, properties.headers["x-tagfleet-user-id"]) == ("guest", "alice")
    method = pika.spec.Basic.Deliver(exchange=REQUESTS_EXCHANGE, routing_key="etl")
    found = Delivery.of("tagfleet.etl", method, properties, body, "guest")
    # Then
    assert found.user_id == "alice"


def test_what_was_set_apart_is_no_way_around(place: Place) -> None:
    # Given a copy in the suspects' queue of a message that nobody vouched for
    body = json.dumps(request_data(id="closed", user="bob")).encode()
    method = pika.spec.Basic.Deliver(exchange=REQUESTS_EXCHANGE, routing_key="etl")
    properties = pika.BasicProperties(message_id="closed", headers={"x-tagfleet-user-id": "bob"})
    copy = suspect(Delivery.of("tagfleet.etl", method, properties, body, "guest"))
    with place.working(AMQP_IDENTITY="require"), Client(place.fleet) as fleet:
        copy.properties.user_id = "guest"
        fleet.channel.basic_publish("", SUSPECTS_QUEUE, copy.body, copy.properties)
        eventually(lambda: status("closed") is JobStatus.INVALID)


def test_a_producer_cannot_write_into_the_fleets_own_queues(place: Place) -> None:
    with Client(place.alice) as client, pytest.raises(ChannelClosedByBroker, match="ACCESS"):
        client.publish("", SUSPECTS_QUEUE, b"{}")


def test_a_scheduler_with_one_account_can_be_trusted(place: Place) -> None:
    with place.working(AMQP_TRUSTED_PUBLISHERS="airflow, alice"), Client(place.alice) as client:
        publish(client, "for-bob", "bob", user_id="alice")
        eventually(lambda: status("for-bob") is JobStatus.ACCEPTED)


def test_whoever_sends_a_dead_letter_on_answers_for_it(place: Place) -> None:
    with place.working(AMQP_IDENTITY="require"):
        with Client(place.fleet) as fleet, Client(place.alice) as client:
            publish(client, "job-1", "bob")
            eventually(lambda: fleet.depth(DEAD_LETTERS_QUEUE) == 1)
        with DeadLetterQueue(place.fleet, signs=True) as queue:
            [held] = queue.letters()
            body = json.dumps(request_data(id="job-2", user="bob")).encode()
            queue.send_on(
                held, exchange=REQUESTS_EXCHANGE, routing_key="etl", message_id="job-2", body=body
            )
        eventually(lambda: status("job-2") is JobStatus.ACCEPTED)


@pytest.mark.parametrize("url", ["", "amqp://host/", "amqp://guest:x@host/"])
def test_the_user_of_the_fleets_own_address_is_trusted(url: str) -> None:
    Publishers.of(Settings.from_environ({"TAGFLEET_AMQP_URL": url})).check("guest", "bob")


def test_off_takes_all() -> None:
    off = Publishers(mode="off", trusted=frozenset())
    off.check("alice", "bob")
    with pytest.raises(InvalidInput):
        Publishers(mode="match", trusted=frozenset({"airflow"})).check("alice", "bob")
