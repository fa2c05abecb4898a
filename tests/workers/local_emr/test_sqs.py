"""The local SQS, by an unmodified boto3."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tagfleet.workers.local_emr.sqs.queues import Counts, Queues

from ...emr_fixtures import Emr
from .server import Server, client_of


class Queue:
    """A queue of its own."""

    def __init__(self, client: Any, **attributes: str) -> None:
        self.client, self.name = client, f"queue-{uuid.uuid4().hex}"
        made = client.create_queue(QueueName=self.name, Attributes=attributes)
        self.url = made["QueueUrl"]

    def __call__(self, operation: str, **parameters: Any) -> Any:
        """Call an operation on the queue."""
        return getattr(self.client, operation)(QueueUrl=self.url, **parameters)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self("send_message", MessageBody=body)

    def receive(self, most: int = 10, **parameters: Any) -> list[Any]:
        answer = self("receive_message", MaxNumberOfMessages=most, **parameters)
        return list(answer.get("Messages", []))

    def bodies(self, **parameters: Any) -> list[str]:
        return [message["Body"] for message in self.receive(**parameters)]

    def refusal(self, operation: str, **parameters: Any) -> str:
        """The code of an error that the call must end with."""
        with pytest.raises(ClientError) as raised:
            self(operation, **parameters)
        return str(raised.value.response["Error"]["Code"])


@pytest.fixture
def sqs(emr: Emr) -> Iterator[Any]:
    with closing(client_of(emr.url, "sqs", retries={"total_max_attempts": 1})) as client:
        yield client


@pytest.fixture
def queue(sqs: Any) -> Queue:
    return Queue(sqs)


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def queues(tmp_path: Path, hands: Hands) -> Iterator[Queues]:
    with closing(Queues(tmp_path / "queues.sqlite", hands)) as made:
        made.create("q", {})
        yield made


def take(queues: Queues, most: int = 10, hidden: float = 30) -> list[str]:
    found = queues.receive("q", most, wait_seconds=0, hidden_seconds=hidden)
    return [message.body for message in found]


def test_a_message_is_sent_received_and_deleted(queue: Queue) -> None:
    sent = queue("send_message", MessageBody="héllo 日本 \t\n")
    (message,) = queue.receive(AttributeNames=["All"])
    assert (message["Body"], message["MessageId"]) == ("héllo 日本 \t\n", sent["MessageId"])
    digest = hashlib.md5("héllo 日本 \t\n".encode()).hexdigest()
    assert sent["MD5OfMessageBody"] == message["MD5OfBody"] == digest
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    queue("delete_message", ReceiptHandle=message["ReceiptHandle"])
    shown = queue("get_queue_attributes", AttributeNames=["All"])["Attributes"]
    assert shown["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_an_empty_queue_answers_at_once(queue: Queue) -> None:
    assert "Messages" not in queue("receive_message")


def test_messages_come_in_the_order_they_were_sent_and_no_more_than_asked_for(queue: Queue) -> None:
    queue.send("a", "b", "c")
    assert queue.bodies(most=2) == ["a", "b"]
    assert queue.bodies(most=2) == ["c"]


def test_who_waits_gets_a_message_that_is_sent_meanwhile(queue: Queue) -> None:
    # Given one who waits longer than this test may take
    found: list[str] = []
    waiting = threading.Thread(target=lambda: found.extend(queue.bodies(WaitTimeSeconds=20)))
    waiting.start()
    # When a message is sent, then
    queue.send("late")
    waiting.join(10)
    assert found == ["late"]


def test_who_waits_gets_a_message_that_another_lets_go(queue: Queue) -> None:
    queue.send("again")
    (first,) = queue.receive(VisibilityTimeout=1)
    (second,) = queue.receive(WaitTimeSeconds=20, AttributeNames=["ApproximateReceiveCount"])
    assert second["MessageId"] == first["MessageId"]
    assert second["Attributes"] == {"ApproximateReceiveCount": "2"}
    assert second["ReceiptHandle"] != first["ReceiptHandle"]


def test_a_message_that_is_let_go_is_received_again_at_once(queue: Queue) -> None:
    queue.send("again")
    (message,) = queue.receive()
    assert queue.bodies() == []
    handle = message["ReceiptHandle"]
    queue("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=0)
    assert queue.bodies() == ["again"]


def test_an_old_receipt_deletes_nothing_and_keeps_nothing_hidden(queue: Queue) -> None:
    queue.send("a")
    (old,) = queue.receive(VisibilityTimeout=0)
    assert queue.bodies(VisibilityTimeout=0) == ["a"]
    queue("delete_message", ReceiptHandle=old["ReceiptHandle"])
    code = queue.refusal(
        "change_message_visibility", ReceiptHandle=old["ReceiptHandle"], VisibilityTimeout=60
    )
    assert code == "InvalidParameterValue"
    assert queue.bodies() == ["a"]


def test_messages_are_deleted_and_let_go_in_batches(queue: Queue) -> None:
    queue.send("a", "b", "c")
    first, second, third = queue.receive()
    entries = [
        {"Id": "0", "ReceiptHandle": first["ReceiptHandle"]},
        {"Id": "1", "ReceiptHandle": second["ReceiptHandle"]},
        {"Id": "2", "ReceiptHandle": "no handle"},
    ]
    answer = queue("delete_message_batch", Entries=entries)
    assert [row["Id"] for row in answer["Successful"]] == ["0", "1"]
    assert [(row["Id"], row["Code"]) for row in answer["Failed"]] == [
        ("2", "ReceiptHandleIsInvalid")
    ]
    entry = {"Id": "0", "ReceiptHandle": third["ReceiptHandle"], "VisibilityTimeout": 0}
    queue("change_message_visibility_batch", Entries=[entry])
    assert queue.bodies() == ["c"]


def test_messages_are_sent_in_a_batch(queue: Queue) -> None:
    entries = [{"Id": str(number), "MessageBody": f"m{number}"} for number in range(10)]
    answer = queue("send_message_batch", Entries=entries)
    assert [row["Id"] for row in answer["Successful"]] == [str(number) for number in range(10)]
    assert queue.bodies() == [f"m{number}" for number in range(10)]


def test_a_queue_tells_how_much_it_holds(queue: Queue) -> None:
    queue.send("a", "b")
    queue("send_message", MessageBody="c", DelaySeconds=900)
    queue.receive(most=1)
    shown = queue("get_queue_attributes", AttributeNames=["All"])["Attributes"]
    assert shown["ApproximateNumberOfMessages"] == "1"
    assert shown["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert shown["ApproximateNumberOfMessagesDelayed"] == "1"
    assert shown["VisibilityTimeout"] == "30"
    assert shown["QueueArn"].endswith(f":{queue.name}")


def test_a_purged_queue_is_empty(queue: Queue) -> None:
    queue.send("a", "b")
    queue.receive(most=1)
    queue("purge_queue")
    shown = queue("get_queue_attributes", AttributeNames=["All"])["Attributes"]
    assert {shown[name] for name in shown if name.startswith("Approximate")} == {"0"}


def test_a_queue_is_made_once_and_found_by_its_name(queue: Queue) -> None:
    assert queue.client.create_queue(QueueName=queue.name)["QueueUrl"] == queue.url
    assert queue.client.get_queue_url(QueueName=queue.name)["QueueUrl"] == queue.url
    assert queue.client.list_queues(QueueNamePrefix=queue.name)["QueueUrls"] == [queue.url]


def test_a_queue_of_the_same_name_that_is_otherwise_is_refused(queue: Queue) -> None:
    with pytest.raises(queue.client.exceptions.QueueNameExists):
        queue.client.create_queue(QueueName=queue.name, Attributes={"VisibilityTimeout": "5"})
    queue.client.create_queue(QueueName=queue.name, Attributes={"VisibilityTimeout": "30"})


def test_a_queue_s_own_settings_are_kept_to(sqs: Any) -> None:
    queue = Queue(sqs, VisibilityTimeout="0")
    queue.send("a")
    assert queue.bodies() == queue.bodies() == ["a"]
    queue("set_queue_attributes", Attributes={"VisibilityTimeout": "60", "DelaySeconds": "900"})
    assert queue.bodies() == ["a"]
    queue.send("b")
    assert queue.bodies() == []


def test_a_queue_that_does_not_exist_is_refused_as_clients_know_it(queue: Queue) -> None:
    # Given one who waits at a queue
    codes: list[str] = []
    ask = {"operation": "receive_message", "WaitTimeSeconds": 20}
    waiting = threading.Thread(target=lambda: codes.append(queue.refusal(**ask)))
    waiting.start()
    # When the queue is deleted
    queue("delete_queue")
    waiting.join(10)
    # Then that one, and whoever comes later, is told
    assert codes == ["AWS.SimpleQueueService.NonExistentQueue"]
    with pytest.raises(queue.client.exceptions.QueueDoesNotExist):
        queue.send("a")
    with pytest.raises(queue.client.exceptions.QueueDoesNotExist):
        queue.client.get_queue_url(QueueName=queue.name)


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ("receive_message", {"VisibilityTimeout": 43_201}, "InvalidParameterValue"),
        ("send_message", {"MessageBody": "x" * 1_048_577}, "InvalidParameterValue"),
        ("send_message", {"MessageBody": "\x00"}, "InvalidMessageContents"),
        ("send_message", {"MessageBody": "x", "MessageGroupId": "g"}, "AWS.SimpleQueueService.UnsupportedOperation"),
        ("delete_message", {"ReceiptHandle": "none"}, "ReceiptHandleIsInvalid"),
        ("delete_message_batch", {"Entries": []}, "AWS.SimpleQueueService.EmptyBatchRequest"),
        ("get_queue_attributes", {"AttributeNames": ["RedrivePolicy"]}, "InvalidAttributeName"),
        ("set_queue_attributes", {"Attributes": {"DelaySeconds": "901"}}, "InvalidAttributeValue"),
    ],
)  # fmt: skip
def test_what_sqs_refuses_is_refused(
    queue: Queue, operation: str, parameters: dict[str, Any], code: str
) -> None:
    assert queue.refusal(operation, **parameters) == code


@pytest.mark.parametrize("ids", [["0", "0"], [str(number) for number in range(11)]])
def test_a_batch_that_sqs_does_not_take_sends_nothing(queue: Queue, ids: list[str]) -> None:
    entries = [{"Id": each, "MessageBody": "x"} for each in ids]
    assert queue.refusal("send_message_batch", Entries=entries).startswith("AWS.Simple")
    assert queue.bodies() == []


def test_calls_of_sqs_are_counted_and_meet_faults_by_their_own_names(
    emr: Emr, queue: Queue
) -> None:
    emr.ask("DELETE", "calls")
    emr.fault("sqs:ReceiveMessage", "forbidden")
    assert queue.refusal("receive_message") == "AccessDenied"
    assert queue.bodies() == []
    assert emr.ask("GET", "calls") == {"sqs:ReceiveMessage": 2}


def test_queues_and_messages_survive_a_kill(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        queue = Queue(server.client("sqs"), VisibilityTimeout="43200")
        queue.send("received", "deleted", "waiting")
        kept, deleted = queue.receive(most=2)
        queue("delete_message", ReceiptHandle=deleted["ReceiptHandle"])
        server.kill()
        server.start()
        # The old address names another port: only the queue's name in it counts.
        queue.client = server.client("sqs")
        assert queue.bodies() == ["waiting"]
        handle = kept["ReceiptHandle"]
        queue("change_message_visibility", ReceiptHandle=handle, VisibilityTimeout=0)
        assert queue.bodies() == ["received"]


def test_who_waits_is_answered_when_the_server_stops(queues: Queues) -> None:
    found: list[object] = ["unanswered"]

    def wait() -> None:
        found[:] = queues.receive("q", 1, wait_seconds=600, hidden_seconds=30)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    queues.stop_waiting()
    waiting.join(10)
    assert found == []


def test_a_message_is_hidden_for_as_long_as_was_asked(queues: Queues, hands: Hands) -> None:
    queues.send("q", [("a", 0)])
    assert take(queues, hidden=30) == ["a"]
    hands.now += 29
    assert take(queues) == []
    hands.now += 2
    assert take(queues) == ["a"]


def test_a_message_is_delayed_for_as_long_as_was_asked(queues: Queues, hands: Hands) -> None:
    queues.send("q", [("late", 10), ("now", 0)])
    assert queues.counts("q") == Counts(visible=1, in_flight=0, delayed=1)
    assert take(queues) == ["now"]
    hands.now += 11
    assert take(queues) == ["late"]


def test_what_nobody_takes_is_dropped_after_four_days(queues: Queues, hands: Hands) -> None:
    queues.send("q", [("old", 0)])
    hands.now += 4 * 24 * 3600 - 60
    queues.send("q", [("new", 0)])
    assert queues.counts("q").visible == 2
    hands.now += 121
    assert take(queues) == ["new"]
