"""The events that EMR sends to a queue by EventBridge: what they say, and what faults do to them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tagfleet.workers.local_emr.server import LocalEmr
from tagfleet.workers.local_emr.sqs.queues import Queues

from ...emr_fixtures import Emr
from .server import client_of, simulated, wait_for_step

STEP = "EMR Step Status Change"
CLUSTER = "EMR Cluster State Change"


class Listener:
    """A server that nobody else uses, and all that it says."""

    def __init__(self, server: LocalEmr) -> None:
        self.server = server
        self.emr, self.sqs = client_of(server.url), client_of(server.url, "sqs")
        #: All that was heard so far.
        self.heard: list[dict[str, Any]] = []

    def ask(self, method: str, route: str, content: Any = None) -> Any:
        """Call one of the routes below `/_local/`."""
        # Of that class this is all that is needed here.
        return Emr.ask(self, method, route, content)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        return self.server.url

    def start(self, *steps: dict[str, Any], **parts: Any) -> str:
        """A new cluster; its id."""
        asked: dict[str, Any] = {"Name": "c", "Instances": {"KeepJobFlowAliveWhenNoSteps": True}}
        return str(self.emr.run_job_flow(**(asked | {"Steps": list(steps)} | parts))["JobFlowId"])

    def add(self, cluster: str, *steps: dict[str, Any]) -> list[str]:
        """Add steps; their ids."""
        return list(self.emr.add_job_flow_steps(JobFlowId=cluster, Steps=list(steps))["StepIds"])

    def end(self, cluster: str, *steps: str) -> None:
        """Wait until the steps have ended, and so all events about them are on their way."""
        for step in steps:
            wait_for_step(self.emr, cluster, step, "COMPLETED", "FAILED", "CANCELLED")

    def listen(self, kind: str, queue: str | None = None, wait: int = 0) -> list[dict[str, Any]]:
        """The details of all events of this kind that have come so far."""
        url = queue or self.server.events_queue_url
        while messages := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait
        ).get("Messages"):
            self.heard += [json.loads(message["Body"]) for message in messages]
            wait = 0
        return [event["detail"] for event in self.heard if event["detail-type"] == kind]

    def states(self, step: str) -> list[str]:
        """The states that events told of a step, in the order they came."""
        return [detail["state"] for detail in self.listen(STEP) if detail["stepId"] == step]


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with LocalEmr(tmp_path / "home") as server:
        made = Listener(server)
        with closing(made.emr), closing(made.sqs):
            yield made


def test_a_step_tells_of_its_life(listener: Listener) -> None:
    cluster = listener.start()
    (step,) = listener.add(cluster, simulated() | {"Name": "näme {x}"})
    listener.end(cluster, step)
    assert listener.states(step) == ["PENDING", "RUNNING", "COMPLETED"]
    event = listener.heard[-2]
    detail = event.pop("detail")
    assert detail.pop("message").startswith(
        f"Step {step} (näme {{x}}) in Amazon EMR cluster {cluster} (c) completed execution at 2"
    )
    assert detail == {
        "severity": "INFO",
        "actionOnFailure": "CONTINUE",
        "stepId": step,
        "name": "näme {x}",
        "clusterId": cluster,
        "state": "COMPLETED",
    }
    assert event.pop("id")
    assert event.pop("time").endswith("Z")
    assert event == {
        "version": "0",
        "detail-type": STEP,
        "source": "aws.emr",
        "account": "000000000000",
        "region": "us-east-1",
        "resources": [],
    }


def test_a_failed_step_is_told_as_an_error(listener: Listener) -> None:
    cluster = listener.start()
    (step,) = listener.add(cluster, simulated(code=1))
    listener.end(cluster, step)
    assert listener.states(step) == ["PENDING", "RUNNING", "FAILED"]
    assert listener.listen(STEP)[-1]["severity"] == "ERROR"


def test_cancelled_steps_tell_whether_they_ran(listener: Listener) -> None:
    cluster = listener.start()
    running, pending = listener.add(cluster, simulated(600), simulated())
    wait_for_step(listener.emr, cluster, running, "RUNNING")
    for _ in range(2):
        listener.emr.cancel_steps(ClusterId=cluster, StepIds=[running, pending])
    listener.end(cluster, running, pending)
    assert listener.states(running) == ["PENDING", "RUNNING", "CANCEL_PENDING", "CANCELLED"]
    assert listener.states(pending) == ["PENDING", "CANCELLED"]


def test_a_cluster_tells_of_its_life(listener: Listener) -> None:
    cluster = listener.start()
    (step,) = listener.add(cluster, simulated())
    listener.end(cluster, step)
    listener.emr.terminate_job_flows(JobFlowIds=[cluster])
    often = {"Delay": 0.05, "MaxAttempts": 400}
    listener.emr.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig=often)
    details = listener.listen(CLUSTER)
    states = [detail["state"] for detail in details]
    # It may have had its step before it was up.
    assert (states[0], states[-2:]) == ("STARTING", ["WAITING", "TERMINATED"])
    assert {detail["clusterId"] for detail in details} == {cluster}
    # The reason is JSON within the JSON.
    assert json.loads(details[-1]["stateChangeReason"])["code"] == "USER_REQUEST"
    assert json.loads(details[0]["stateChangeReason"]) == {"code": ""}


def test_a_step_that_dies_with_its_cluster_is_interrupted_and_no_event_tells(
    listener: Listener,
) -> None:
    cluster = listener.start()
    running, pending = listener.add(cluster, simulated(600), simulated())
    wait_for_step(listener.emr, cluster, running, "RUNNING")
    # When the cluster dies
    listener.ask("POST", "kill", {"cluster": cluster})
    # Then its steps can still be listed
    found = wait_for_step(listener.emr, cluster, running, "INTERRUPTED")["Status"]
    assert found["StateChangeReason"]["Message"] == "The master node was terminated."
    assert found["Timeline"]["EndDateTime"]
    states = [
        each["Status"]["State"] for each in listener.emr.list_steps(ClusterId=cluster)["Steps"]
    ]
    assert states == ["CANCELLED", "INTERRUPTED"]
    # And the cluster tells of its end, and the step does not
    while not any(each["state"] == "TERMINATED_WITH_ERRORS" for each in listener.listen(CLUSTER, wait=5)):  # fmt: skip
        pass
    assert listener.states(running) == ["PENDING", "RUNNING"]
    reason = json.loads(listener.listen(CLUSTER)[-1]["stateChangeReason"])
    assert reason["code"] == "INSTANCE_FAILURE"


def test_a_cluster_that_is_not_there_cannot_die(emr: Emr) -> None:
    with pytest.raises(HTTPError, match="400") as raised:
        emr.ask("POST", "kill", {"cluster": "j-NONE"})
    raised.value.close()


def test_events_go_to_the_queue_that_is_named_and_nowhere_without_one(listener: Listener) -> None:
    cluster = listener.start()
    listener.ask("PUT", "events", {"queue": "other"})
    assert listener.ask("GET", "events") == {"queue": "other"}
    (step,) = listener.add(cluster, simulated())
    listener.end(cluster, step)
    other = listener.sqs.get_queue_url(QueueName="other")["QueueUrl"]
    assert len(listener.listen(STEP, other)) == 3
    listener.ask("PUT", "events", {"queue": None})
    listener.end(cluster, *listener.add(cluster, simulated()))
    assert len(listener.listen(STEP, other)) == 3
    assert len(listener.listen(STEP)) == 3


def test_steps_go_on_when_the_queue_of_their_events_is_gone(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = listener.start()
    listener.sqs.delete_queue(QueueUrl=listener.server.events_queue_url)
    listener.end(cluster, *listener.add(cluster, simulated()))
    assert "emr-events are lost" in caplog.text


def test_events_are_dropped_on_request(listener: Listener) -> None:
    listener.ask("POST", "faults", {"events": {"mode": "drop", "keys": ["COMPLETED"]}})
    cluster = listener.start()
    (step,) = listener.add(cluster, simulated())
    listener.end(cluster, step)
    assert listener.states(step) == ["PENDING", "RUNNING"]


def test_events_come_twice_on_request(listener: Listener) -> None:
    listener.ask("POST", "faults", {"events": {"mode": "double", "probability": 0.5, "seed": 3}})
    cluster = listener.start(StepConcurrencyLevel=20)
    steps = listener.add(cluster, *(simulated() for _ in range(20)))
    listener.end(cluster, *steps)
    times = Counter((each["stepId"], each["state"]) for each in listener.listen(STEP))
    assert set(times.values()) == {1, 2}
    assert len(times) == 60
    # What comes twice is the same event.
    assert len({event["id"] for event in listener.heard if event["detail-type"] == STEP}) == 60


def test_events_come_late_and_in_another_order_on_request(listener: Listener) -> None:
    listener.ask("POST", "faults", {"events": {"mode": "shuffle", "seconds": 1, "seed": 1}})
    cluster = listener.start()
    steps = listener.add(cluster, *(simulated() for _ in range(10)))
    listener.end(cluster, *steps)
    while len(heard := listener.listen(STEP, wait=5)) < 30:
        pass
    orders = [[each["state"] for each in heard if each["stepId"] == step] for step in steps]
    assert any(order != ["PENDING", "RUNNING", "COMPLETED"] for order in orders)
    assert all(sorted(order) == ["COMPLETED", "PENDING", "RUNNING"] for order in orders)


def test_several_faults_hit_events_each_by_itself(listener: Listener) -> None:
    asked = [{"mode": "drop", "count": 5}, {"mode": "double"}]
    listener.ask("POST", "faults", {"events": asked})
    modes = [fault["mode"] for fault in listener.ask("GET", "faults")["events"]]
    assert modes == ["drop", "double"]
    cluster = listener.start()
    steps = listener.add(cluster, *(simulated() for _ in range(10)))
    listener.end(cluster, *steps)
    listener.listen(STEP)
    # What is dropped does not come twice either.
    assert set(Counter(event["id"] for event in listener.heard).values()) == {2}


def test_events_wait_for_who_listens_after_a_restart(tmp_path: Path) -> None:
    with LocalEmr(tmp_path, events_queue="mine") as server:
        listener = Listener(server)
        cluster = listener.start()
        (step,) = listener.add(cluster, simulated())
        listener.end(cluster, step)
        with closing(listener.emr), closing(listener.sqs):
            pass
    with LocalEmr(tmp_path, events_queue="mine") as server:
        listener = Listener(server)
        with closing(listener.emr), closing(listener.sqs):
            assert str(server.events_queue_url).endswith("/mine")
            assert listener.states(step) == ["PENDING", "RUNNING", "COMPLETED"]


def test_without_a_queue_there_are_no_events(tmp_path: Path) -> None:
    with LocalEmr(tmp_path, events_queue=None) as server, closing(client_of(server.url)) as client:
        client.run_job_flow(Name="c", Instances={})
        assert server.events_queue_url is None
    with closing(Queues(tmp_path / "queues.sqlite")) as queues:
        assert queues.names() == []
