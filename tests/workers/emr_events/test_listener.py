"""The listener, against an SQS that really has the messages."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pymongo.errors
import pytest

from tagfleet.models import jobs
from tagfleet.models.aws import AwsClients
from tagfleet.models.database import connect, disconnect
from tagfleet.models.embedded_mongodb import served
from tagfleet.models.errors import BadSetting
from tagfleet.models.local_addresses import use_local_emr
from tagfleet.models.states import JobStatus
from tagfleet.monitoring import metrics
from tagfleet.workers.emr_events import listener as listening_module
from tagfleet.workers.emr_events.apply import apply
from tagfleet.workers.emr_events.listener import Listener, listening
from tagfleet.workers.emr_events.parse import EmrEvent, StepEvent
from tagfleet.workers.fleet import Fleet
from tagfleet.workers.local_emr.server import LocalEmr

from ...emr_fixtures import Emr
from ..samples import NotedBus, a_fleet
from .samples import a_job, step_body

#: How long anything may take here, in seconds; only a failure takes as long.
PATIENCE = 60.0


class Queue:
    """The queue of events, as EventBridge sees it."""

    def __init__(self, clients: AwsClients, url: str) -> None:
        self._sqs, self.url = clients.sqs(), url

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def counts(self) -> tuple[int, int]:
        """How many messages wait, and how many are in somebody's hand."""
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        kinds = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        waiting, in_hand = (int(found["Attributes"][kind]) for kind in kinds)
        return waiting, in_hand


@pytest.fixture
def queue(emr: Emr, server: LocalEmr) -> Queue:
    return Queue(emr.clients, str(server.events_queue_url))


class RungBus(NotedBus):
    """A bus whose first ring can be awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.was_rung = threading.Event()

    def ring(self, actor: str, *arguments: str | list[str]) -> None:
        super().ring(actor, *arguments)
        self.was_rung.set()


@pytest.fixture
def bus() -> RungBus:
    return RungBus()


@pytest.fixture
def fleet(mongodb: object, queue: Queue, bus: RungBus, tmp_path: Path) -> Iterator[Fleet]:
    found = a_fleet(tmp_path, bus, EMR_EVENTS_URL=queue.url)
    yield found
    found.clients.close()


def counted(result: str) -> float:
    return float(metrics.EMR_EVENTS.labels(result)._value.get())


def test_events_are_applied_together_and_deleted(fleet: Fleet, queue: Queue) -> None:
    # Given more events than SQS hands out at once, some of them twice
    before = {result: counted(result) for result in ("applied", "stale", "unknown")}
    for number in range(12):
        a_job(JobStatus.INIT, id=f"job-{number}", step_id=f"s-{number}").save()
        name = f"job-{number}.1 daily"
        queue.send(*(step_body(state, f"s-{number}", name=name) for state in ("RUNNING",) * 2))
    queue.send(step_body("RUNNING", "s-99", name="Custom JAR"))
    # When they are listened to once
    Listener(fleet, queue.url).listen()
    # Then all are applied by one write, and none comes again
    found = [jobs.get(f"job-{number}") for number in range(12)]
    assert {job.status for job in found} == {JobStatus.RUNNING}
    assert len({job.batch for job in found}) == 1
    assert queue.counts() == (0, 0)
    assert {result: counted(result) - count for result, count in before.items()} == {
        "applied": 12,
        "stale": 12,
        "unknown": 1,
    }


def test_what_is_no_event_does_not_hold_up_the_others(
    fleet: Fleet, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted("unreadable")
    a_job(JobStatus.INIT).save()
    queue.send("[" * 10_000, '{"detail-type": "S3"}', "{}", step_body("COMPLETED"))
    Listener(fleet, queue.url).listen()
    assert jobs.get("job-1").status is JobStatus.SUCCEEDED
    assert queue.counts() == (0, 0)
    assert counted("unreadable") - before == 2
    assert "is no event of EMR: the event has no detail-type" in caplog.text


def test_an_event_that_cannot_be_applied_does_not_hold_up_the_others(
    fleet: Fleet, queue: Queue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a mistake of ours that one event of three meets
    def mistaken(fleet: Fleet, events: Sequence[EmrEvent]) -> None:
        if any(isinstance(event, StepEvent) and event.report.step_id == "s-2" for event in events):
            raise AssertionError("a mistake")
        apply(fleet, events)

    monkeypatch.setattr(listening_module, "apply", mistaken)
    for number in (1, 2, 3):
        a_job(JobStatus.INIT, id=f"job-{number}", step_id=f"s-{number}").save()
        queue.send(step_body("COMPLETED", f"s-{number}", name=f"job-{number}.1 daily"))
    # When they come
    Listener(fleet, queue.url).listen()
    # Then the others are applied, and the log tells of it
    assert [jobs.get(f"job-{number}").status for number in (1, 2, 3)] == [
        JobStatus.SUCCEEDED,
        JobStatus.INIT,
        JobStatus.SUCCEEDED,
    ]
    assert queue.counts() == (0, 0)
    assert "a mistake" in caplog.text


def test_while_mongodb_is_away_events_stay_in_the_queue(
    queue: Queue, bus: RungBus, tmp_path: Path
) -> None:
    # Given a database that dies
    with served(tmp_path / "mongodb") as url:
        connect(url)
        fleet = a_fleet(tmp_path, bus)
    queue.send(step_body("COMPLETED"))
    # When an event comes
    with pytest.raises(pymongo.errors.PyMongoError):
        Listener(fleet, queue.url).listen()
    disconnect()
    fleet.clients.close()
    # Then it is not deleted: SQS hands it out again
    assert queue.counts() == (0, 1)


def test_a_listener_outlives_the_queue(mongodb: object, bus: RungBus, tmp_path: Path) -> None:
    # Given an SQS that is away when the listener starts
    with LocalEmr(tmp_path / "emr") as first:
        url, queue_url = first.url, str(first.events_queue_url)
    port = int(url.rpartition(":")[2])
    a_job(JobStatus.INIT).save()
    with use_local_emr(url):
        fleet = a_fleet(tmp_path, bus, EMR_EVENTS_URL=queue_url)
        with _told("No events of EMR for now") as missed, listening(fleet):
            assert missed.wait(PATIENCE)
            # When it comes back, and with it an event
            with LocalEmr(tmp_path / "emr", port=port):
                Queue(fleet.clients, queue_url).send(step_body("COMPLETED"))
                # Then the event is applied
                assert bus.was_rung.wait(PATIENCE)
        fleet.clients.close()
    assert jobs.get("job-1").status is JobStatus.SUCCEEDED


@contextmanager
def _told(text: str) -> Iterator[threading.Event]:
    """Set as soon as the listener's log says so."""
    told = threading.Event()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if text in record.getMessage():
                told.set()

    ear = Ear()
    listening_module.log.addHandler(ear)
    try:
        yield told
    finally:
        listening_module.log.removeHandler(ear)


def test_who_stops_has_done_what_it_had_in_hand(fleet: Fleet, queue: Queue, bus: RungBus) -> None:
    a_job(JobStatus.INIT).save()
    with listening(fleet):
        queue.send(step_body("COMPLETED"))
        assert bus.was_rung.wait(PATIENCE)
    # The thread has ended, and what it took is deleted
    assert "emr-events" not in {thread.name for thread in threading.enumerate()}
    assert queue.counts() == (0, 0)


def test_without_the_setting_nobody_listens(mongodb: object, bus: RungBus, tmp_path: Path) -> None:
    with listening(a_fleet(tmp_path, bus)):
        assert "emr-events" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-central-1.amazonaws.com/123456789012/emr", "eu-central-1"),
        ("https://sqs.us-gov-west-1.amazonaws.com/123456789012/emr", "us-gov-west-1"),
        ("https://sqs-fips.us-east-2.amazonaws.com/123456789012/emr", "us-east-2"),
        ("https://vpce-1.sqs.ap-south-2.vpce.amazonaws.com/123456789012/emr", "ap-south-2"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/emr", "cn-north-1"),
        ("http://127.0.0.1:4566/000000000000/emr", "eu-west-3"),
    ],
)
def test_a_queue_is_asked_in_its_own_region(
    mongodb: object,
    bus: RungBus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    region: str,
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    assert Listener(a_fleet(tmp_path, bus), url)._client.meta.region_name == region


def test_a_queue_of_no_known_region_is_told_at_start(
    mongodb: object, bus: RungBus, tmp_path: Path
) -> None:
    with pytest.raises(BadSetting, match="AWS_REGION"):
        Listener(a_fleet(tmp_path, bus), "http://127.0.0.1:4566/000000000000/emr")
