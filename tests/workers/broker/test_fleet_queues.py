"""The stages on a real RabbitMQ and a real database, when one of them is in trouble."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dramatiq.worker import Worker
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from tests.faults.database import Database
from tests.models.samples import a_cluster, a_command, request_data
from tests.workers.broker.harness import Client, consumers, eventually, fleet_broker, working
from tests.workers.samples import NotedBus, a_fleet

from tagfleet.models import catalog, jobs, request_queues
from tagfleet.models.database import connect, disconnect
from tagfleet.models.errors import InvalidInput, JobNotFound
from tagfleet.models.job import Job
from tagfleet.models.queues import (
    DEAD_LETTERS_QUEUE,
    DELIVERY_LIMIT,
    INTAKE_QUEUE,
    REQUESTS_EXCHANGE,
)
from tagfleet.models.schemas import load_job_request
from tagfleet.models.states import JobStatus
from tagfleet.workers.broker.undone import Patience
from tagfleet.workers.rabbit_bus import RabbitBus
from tagfleet.workers.stages import declare_request_stages

RULES = "version: 1\nqueues: {etl: , default: }\nroutes: [{name: all, queue: etl}]\n"

QUICK = Patience(longest_pause=0.05, hold=0.5)


@contextmanager
def fleet(
    url: str, folder: Path, *, queues: set[str] | None = None, **options: Any
) -> Iterator[Worker]:
    """A worker with the stages that take requests; what they ring for is noted only."""
    broker = fleet_broker(url, **options)
    (folder / "rules.yaml").write_text(RULES)
    stages = a_fleet(folder, NotedBus(), RULES=str(folder / "rules.yaml"))
    declare_request_stages(broker, stages, RabbitBus(broker), INTAKE_QUEUE)
    with working(broker, threads=4, queues=queues) as worker:
        yield worker


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database that the test may kill; nobody waits long for it."""
    monkeypatch.setattr("tagfleet.models.database.SERVER_SELECTION_MILLISECONDS", 100)
    found = Database(tmp_path / "mongodb")
    found.start()
    connect(found.url)
    catalog.apply([a_cluster(), a_command()])
    yield found
    disconnect()
    found.kill()


def publish(client: Client, job_id: str, key: str = "etl", **changes: Any) -> None:
    body = json.dumps(request_data(id=job_id, **changes)).encode()
    client.publish(REQUESTS_EXCHANGE, key, body, message_id=job_id)


def failures() -> float:
    found = REGISTRY.get_sample_value(
        "tagfleet_messages_total", {"actor": "accept", "result": "error"}
    )
    return found or 0


def is_recorded(job_id: str) -> bool:
    try:
        return bool(jobs.get(job_id))
    except JobNotFound:
        return False


def test_a_long_outage_of_the_database_buries_nothing(amqp_url, tmp_path, database):
    # Given
    with (
        fleet(amqp_url, tmp_path, prefetch=5, patience=QUICK),
        Client(amqp_url) as client,
    ):
        publish(client, "before")
        eventually(lambda: is_recorded("before"))
        # When every request fails for longer than it is held, and more often than RabbitMQ hands it out
        database.kill()
        names = [f"job-{number}" for number in range(2)]
        for name in names:
            publish(client, name)
        begin = failures()
        eventually(lambda: failures() > begin + 3 * DELIVERY_LIMIT)
        assert client.depth(DEAD_LETTERS_QUEUE) == 0
        database.start()
        # Then each is done
        eventually(lambda: all(map(is_recorded, names)))
        assert eventually(lambda: client.depth("tagfleet.etl") == 0)
        assert client.depth(DEAD_LETTERS_QUEUE) == 0
    assert Job.objects.count() == 3


def test_a_request_for_a_group_whose_queue_was_deleted_is_accepted(amqp_url, tmp_path, mongodb):
    # Given a worker that takes requests from the intake only, so that no consumer misses the queue
    with fleet(amqp_url, tmp_path, queues={INTAKE_QUEUE}), Client(amqp_url) as client:
        client.channel.queue_delete("tagfleet.etl")
        # When
        publish(client, "job-1")
        # Then
        eventually(lambda: is_recorded("job-1"))
        assert jobs.get("job-1").tag_group == "etl"
        # And the queue comes back, and with its binding it takes what comes next
        eventually(lambda: consumers(client, "tagfleet.etl") is not None)

        def is_led_there() -> bool:
            publish(client, "job-2")
            return client.depth("tagfleet.etl") > 0

        assert eventually(is_led_there)
        assert client.depth(DEAD_LETTERS_QUEUE) == 0


def test_a_request_for_a_group_that_was_taken_out_of_the_rules_goes_where_they_say(
    amqp_url, tmp_path, mongodb
):
    request_queues.opened("old")
    with fleet(amqp_url, tmp_path, queues={INTAKE_QUEUE}), Client(amqp_url) as client:
        publish(client, "job-1", key="old")
        [(properties, _)] = client.take("tagfleet.etl", 1)
    assert properties.message_id == "job-1"


def test_a_key_that_is_no_groups_is_still_refused(amqp_url, tmp_path, mongodb):
    with fleet(amqp_url, tmp_path), Client(amqp_url) as client:
        publish(client, "job-1", key="no-such-group")
        client.take(DEAD_LETTERS_QUEUE, 1)
        assert jobs.get("job-1").status is JobStatus.INVALID


def test_the_producer_that_rabbitmq_has_verified_is_known_after_the_intake(
    amqp_url, tmp_path, mongodb
):
    with fleet(amqp_url, tmp_path, queues={INTAKE_QUEUE}), Client(amqp_url) as client:
        body = json.dumps(request_data(id="job-1")).encode()
        client.publish(REQUESTS_EXCHANGE, "intake", body, user_id="guest")
        [(properties, _)] = client.take("tagfleet.etl", 1)
    assert properties.headers == {"x-tagfleet-user-id": "guest"}


def test_a_body_that_is_too_large_is_told_to_who_asks_for_its_id(amqp_url, tmp_path, mongodb):
    with fleet(amqp_url, tmp_path, max_body_bytes=1000), Client(amqp_url) as client:
        publish(client, "job-1", description="x" * 900)
        client.take(DEAD_LETTERS_QUEUE, 1)
        job = jobs.get("job-1")
    assert job.status is JobStatus.INVALID
    assert "at most 1000 are read" in job.status_message


def test_thousands_of_malformed_requests_are_dead_letters_and_the_jobs_between_are_done(
    amqp_url, tmp_path, mongodb
):
    # Given
    catalog.apply([a_cluster(), a_command()])
    bad = _examples(2000)
    with fleet(amqp_url, tmp_path) as worker, Client(amqp_url) as client:
        # When
        for number, body in enumerate(bad):
            key = "etl" if number % 2 else "intake"
            client.channel.basic_publish(REQUESTS_EXCHANGE, key, body)
            if number % 100 == 0:
                publish(client, f"good-{number}", key=key)
        letters = client.take(DEAD_LETTERS_QUEUE, len(bad))
        good = [f"good-{number}" for number in range(0, len(bad), 100)]
        eventually(lambda: all(map(is_recorded, good)))
        # Then
        assert all(thread.is_alive() for thread in worker.workers)
        assert all(consumer.is_alive() for consumer in worker.consumers.values())
    assert sorted(body for _, body in letters) == sorted(bad)
    assert all(properties.headers["x-tagfleet-reason"] for properties, _ in letters)
    assert all(jobs.get(job_id).status is not JobStatus.INVALID for job_id in good)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def _bodies(draw: st.DrawFn) -> bytes:
    """A request with one thing wrong; or bytes, or JSON, that are no request at all."""
    valid = request_data(id=draw(st.uuids().map(str)))
    match draw(st.sampled_from(["bytes", "json", "changed", "missing", "more", "cut", "id"])):
        case "bytes":
            return draw(st.binary(max_size=64))
        case "json":
            return json.dumps(draw(json_values)).encode()
        case "changed":
            return json.dumps(
                {**valid, draw(st.sampled_from(sorted(valid))): draw(json_values)}
            ).encode()
        case "missing":
            name = draw(st.sampled_from(["name", "user", "version", "clusterCriterias"]))
            return json.dumps({key: valid[key] for key in valid if key != name}).encode()
        case "more":
            return json.dumps({**valid, draw(st.text(max_size=8)): draw(json_values)}).encode()
        case "id":
            return json.dumps(
                {**valid, "id": draw(st.sampled_from(["", "x" * 256, 7, None]))}
            ).encode()
        case _:
            body = json.dumps(valid).encode()
            return body[: draw(st.integers(0, len(body) - 1))]


def _is_malformed(body: bytes) -> bool:
    try:
        data = json.loads(body)
        load_job_request(data)
    except (ValueError, RecursionError, InvalidInput):
        return True
    return "id" not in data


def _examples(count: int) -> list[bytes]:
    found: list[bytes] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(_bodies().filter(_is_malformed))
    def collect(body: bytes) -> None:
        found.append(body)

    collect()
    assert len(found) >= count
    return found
