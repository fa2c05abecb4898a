"""The fleet on a real RabbitMQ: what producers send, good and bad, and what becomes of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest

from tagfleet.models.errors import Unroutable
from tagfleet.producers.publisher import Publisher

from ..rabbitmq import RabbitNode
from .fleet_process import PATIENCE_SECONDS, FleetProcess, bash_job, catalog


@pytest.fixture(scope="module")
def fleet(rabbitmq: RabbitNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetProcess]:
    rabbitmq.add_vhosts(["flow"])
    started = FleetProcess(
        tmp_path_factory.mktemp("fleet"),
        TAGFLEET_AMQP_URL=rabbitmq.url("flow"),
        TAGFLEET_MAX_BODY_BYTES="1000000",
    ).start()
    try:
        started.run(
            "catalog", "apply", "-f", started.write("catalog.json", catalog(started.cluster()))
        )
        yield started
    finally:
        started.stop()


@pytest.fixture
def channel(fleet: FleetProcess) -> Iterator[Any]:
    """What any AMQP client has: pika, and nothing of ours."""
    connection = pika.BlockingConnection(pika.URLParameters(fleet.environment["TAGFLEET_AMQP_URL"]))
    opened = connection.channel()
    opened.confirm_delivery()
    yield opened
    connection.close()


def publish(
    channel: Any, body: bytes, *, routing_key: str = "intake", message_id: str | None = None
) -> None:
    channel.basic_publish(
        "tagfleet.requests",
        routing_key,
        body,
        pika.BasicProperties(
            content_type="application/json", delivery_mode=2, message_id=message_id
        ),
        mandatory=True,
    )


def wait_until(condition: Callable[[], Any], fleet: FleetProcess) -> Any:
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, fleet.log()[-4000:]
        time.sleep(0.1)
    return found


def dead_letter(channel: Any, fleet: FleetProcess) -> tuple[str, Any, bytes]:
    """Take the next dead letter; its reason, properties and body."""

    def take() -> tuple[str, Any, bytes] | None:
        method, properties, body = channel.basic_get("tagfleet.dead-letters", auto_ack=True)
        return (properties.headers["x-tagfleet-reason"], properties, body) if method else None

    found: tuple[str, Any, bytes] = wait_until(take, fleet)
    return found


def job_of(fleet: FleetProcess, job_id: str) -> dict[str, Any]:
    done = wait_until(
        lambda: (
            (found := fleet.run("job", "get", job_id, "-o", "json", expect=None)).returncode == 0
            and found
        ),
        fleet,
    )
    job: dict[str, Any] = json.loads(done.stdout)
    return job


def test_a_plain_json_message_of_a_stranger_runs_as_a_job(
    fleet: FleetProcess, channel: Any
) -> None:
    # Given a listener for events
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "tagfleet.events", "job.#")
    # When a client that knows nothing of us publishes
    job_id = str(uuid.uuid4())
    publish(channel, json.dumps(bash_job("echo from afar", id=job_id)).encode(), message_id=job_id)
    # Then it runs once, and its end is told
    fleet.run("job", "wait", job_id)
    assert fleet.run("job", "logs", job_id).stdout == "from afar\n"
    events = []

    def finished() -> bool:
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if method:
            events.append((method.routing_key, json.loads(body)))
        return any(body["type"] == "JOB_FINISHED" for _, body in events)

    wait_until(finished, fleet)
    key, body = events[-1]
    assert key == f"job.SUCCEEDED.{job_id}"
    assert (body["details"]["jobId"], body["details"]["toState"]) == (job_id, "SUCCEEDED")


def test_the_thin_client_publishes_to_a_tag_group(fleet: FleetProcess) -> None:
    with Publisher(fleet.environment["TAGFLEET_AMQP_URL"]) as publisher:
        job_id = publisher.publish(bash_job("true"), routing_key="default")
    fleet.run("job", "wait", job_id)
    assert fleet.read("job", "get", job_id)["tagGroup"] == "default"


def test_the_command_line_submits_by_way_of_the_broker(fleet: FleetProcess) -> None:
    request = fleet.write("job.json", bash_job("echo hi"))
    done = fleet.run("job", "submit", "-f", request, "--wait")
    assert "SUCCEEDED" in done.stderr


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "not valid JSON"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[1, 2]", "expected a JSON object, found list"),
        (b'{"a": 1, "a": 2}', "stands there twice"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (json.dumps(bash_job("true", id="../../etc/passwd")).encode(), "is not an id"),
        (json.dumps(bash_job("true", timeout="soon")).encode(), "timeout: Not a valid integer"),
        (json.dumps(bash_job("true", comandArgs=["x"])).encode(), "did you mean 'commandArgs'"),
        (json.dumps(bash_job("true")).encode(), "id: missing"),
        (
            b'{"queue_name":"tagfleet.finish","actor_name":"finish","args":[["x"]],"kwargs":{},"options":{}}',
            "unknown field",
        ),
    ],
    ids=[
        "text",
        "bytes",
        "empty",
        "list",
        "twice",
        "nan",
        "deep",
        "path",
        "type",
        "typo",
        "no id",
        "dramatiq",
    ],
)
def test_a_body_that_is_no_request_is_a_dead_letter_with_its_reason(
    fleet: FleetProcess, channel: Any, body: bytes, reason: str
) -> None:
    publish(channel, body)
    found, _, kept = dead_letter(channel, fleet)
    assert reason in found
    assert kept == body


def test_a_refused_request_with_an_id_can_be_read_back_as_invalid(
    fleet: FleetProcess, channel: Any
) -> None:
    job_id = str(uuid.uuid4())
    publish(channel, json.dumps(bash_job("true", priority=99)).encode(), message_id=job_id)
    reason, properties, _ = dead_letter(channel, fleet)
    assert properties.message_id == job_id
    job = job_of(fleet, job_id)
    assert (job["status"], job["statusMsg"]) == ("INVALID", reason)


def test_an_unknown_routing_key_is_a_dead_letter_that_names_the_known_ones(
    fleet: FleetProcess, channel: Any
) -> None:
    job_id = str(uuid.uuid4())
    publish(channel, json.dumps(bash_job("true", id=job_id)).encode(), routing_key="nonsense")
    reason, _, _ = dead_letter(channel, fleet)
    assert "routing key 'nonsense' is unknown: expected one of" in reason
    assert job_of(fleet, job_id)["status"] == "INVALID"


def test_the_thin_client_refuses_an_unknown_routing_key_itself(fleet: FleetProcess) -> None:
    with (
        Publisher(fleet.environment["TAGFLEET_AMQP_URL"]) as publisher,
        pytest.raises(Unroutable, match="nonsense"),
    ):
        publisher.publish(bash_job("true"), routing_key="nonsense")


def test_a_body_that_is_too_large_is_a_dead_letter(fleet: FleetProcess, channel: Any) -> None:
    body = json.dumps(bash_job("true", description="x" * 20_000_000)).encode()
    publish(channel, body, message_id="large")
    reason, properties, kept = dead_letter(channel, fleet)
    assert "1000000" in reason or "1,000,000" in reason
    assert (properties.message_id, len(kept)) == ("large", len(body))


def test_the_same_id_with_another_body_is_a_dead_letter_and_the_first_job_runs_on(
    fleet: FleetProcess, channel: Any
) -> None:
    job_id = str(uuid.uuid4())
    first = json.dumps(bash_job("echo first", id=job_id)).encode()
    publish(channel, first)
    publish(channel, first)
    publish(channel, json.dumps(bash_job("echo second", id=job_id)).encode())
    reason, _, _ = dead_letter(channel, fleet)
    assert "exists already, with another body" in reason
    fleet.run("job", "wait", job_id)
    assert fleet.run("job", "logs", job_id).stdout == "first\n"
