"""The operations of the SQS API."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ..errors import AwsError
from ..wire import Operation, Parameters
from . import limits
from .queues import Message, Queues

Answer: TypeAlias = dict[str, Any]

#: What clients of the time before SQS spoke JSON know an error as, where that is another name.
QUERY_CODES: Final = {
    "BatchEntryIdsNotDistinct": "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    "EmptyBatchRequest": "AWS.SimpleQueueService.EmptyBatchRequest",
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    "UnsupportedOperation": "AWS.SimpleQueueService.UnsupportedOperation",
}

ACCOUNT: Final = "000000000000"


def queue_url(server: str, name: str) -> str:
    """The address of a queue of the server there."""
    return f"{server}/{ACCOUNT}/{name}"


class SqsService:
    """What the local SQS can do; each operation is a method that takes its parameters.

    Arguments:
        queues: Holds the messages.
        url: Where the server answers.
    """

    def __init__(self, queues: Queues, url: str) -> None:
        self._queues, self._url = queues, url

    def operations(self) -> Mapping[str, Operation]:
        """Every operation, by its name in the API."""
        return {
            "ChangeMessageVisibility": self.change_message_visibility,
            "ChangeMessageVisibilityBatch": self._batch(self.change_message_visibility),
            "CreateQueue": self.create_queue,
            "DeleteMessage": self.delete_message,
            "DeleteMessageBatch": self._batch(self.delete_message),
            "DeleteQueue": self.delete_queue,
            "GetQueueAttributes": self.get_queue_attributes,
            "GetQueueUrl": self.get_queue_url,
            "ListQueues": self.list_queues,
            "PurgeQueue": self.purge_queue,
            "ReceiveMessage": self.receive_message,
            "SendMessage": self.send_message,
            "SendMessageBatch": self._batch(self.send_message),
            "SetQueueAttributes": self.set_queue_attributes,
        }

    def create_queue(self, parameters: Parameters) -> Answer:
        """Make a queue; one of the same name must not have been made otherwise."""
        name, wanted = parameters["QueueName"], parameters.get("Attributes", {})
        limits.check_name(name)
        limits.check_attributes(wanted)
        found = self._queues.create(name, wanted)
        if any(_setting(found, each) != _setting(wanted, each) for each in wanted):
            message = f"A queue already exists with the same name and a different value for one of {', '.join(wanted)}"
            raise AwsError("QueueNameExists", message)
        return {"QueueUrl": queue_url(self._url, name)}

    def get_queue_url(self, parameters: Parameters) -> Answer:
        """Say where a queue is."""
        self._queues.attributes(parameters["QueueName"])
        return {"QueueUrl": queue_url(self._url, parameters["QueueName"])}

    def list_queues(self, parameters: Parameters) -> Answer:
        """Say where all queues are."""
        names = self._queues.names(parameters.get("QueueNamePrefix", ""))
        return {"QueueUrls": [queue_url(self._url, name) for name in names]}

    def delete_queue(self, parameters: Parameters) -> Answer:
        """Remove a queue with all that it holds."""
        self._queues.delete(_queue(parameters))
        return {}

    def purge_queue(self, parameters: Parameters) -> Answer:
        """Remove all that a queue holds."""
        self._queues.purge(_queue(parameters))
        return {}

    def set_queue_attributes(self, parameters: Parameters) -> Answer:
        """Change how a queue behaves."""
        limits.check_attributes(parameters["Attributes"])
        self._queues.set_attributes(_queue(parameters), parameters["Attributes"])
        return {}

    def get_queue_attributes(self, parameters: Parameters) -> Answer:
        """Show how a queue behaves, and how much it holds."""
        name = _queue(parameters)
        given, counts = self._queues.attributes(name), self._queues.counts(name)
        known = {
            **{each: str(default) for each, (_, _, default) in limits.RANGES.items()},
            **given,
            "ApproximateNumberOfMessages": str(counts.visible),
            "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
            "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
            "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}",
        }
        asked = parameters.get("AttributeNames", [])
        if unknown := set(asked) - {"All"} - set(known) - limits.IGNORED:
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {min(unknown)}.")
        shown = {key: value for key, value in known.items() if key in asked or "All" in asked}
        return {"Attributes": shown}

    def send_message(self, parameters: Parameters) -> Answer:
        """Add a message."""
        name = _queue(parameters)
        attributes = self._queues.attributes(name)
        limits.check_message(parameters, _setting(attributes, "MaximumMessageSize"))
        delay = parameters.get("DelaySeconds", _setting(attributes, "DelaySeconds"))
        limits.check_range("DelaySeconds", delay, 0, 900)
        (message,) = self._queues.send(name, [(parameters["MessageBody"], delay)])
        return {"MessageId": message.id, "MD5OfMessageBody": _md5(message.body)}

    def receive_message(self, parameters: Parameters) -> Answer:
        """Take messages, or wait for some."""
        name = _queue(parameters)
        attributes = self._queues.attributes(name)
        most = parameters.get("MaxNumberOfMessages", 1)
        wait = parameters.get(
            "WaitTimeSeconds", _setting(attributes, "ReceiveMessageWaitTimeSeconds")
        )
        hidden = parameters.get("VisibilityTimeout", _setting(attributes, "VisibilityTimeout"))
        limits.check_range("MaxNumberOfMessages", most, 1, 10)
        limits.check_range("WaitTimeSeconds", wait, 0, 20)
        limits.check_range("VisibilityTimeout", hidden, 0, 43_200)
        found = self._queues.receive(name, most, wait_seconds=wait, hidden_seconds=hidden)
        asked = parameters.get("MessageSystemAttributeNames", parameters.get("AttributeNames", []))
        # Without messages SQS answers without a list, too.
        return {"Messages": [_view(message, asked) for message in found] or None}

    def delete_message(self, parameters: Parameters) -> Answer:
        """Delete a message that was received."""
        limits.check_receipt(parameters["ReceiptHandle"])
        self._queues.forget(_queue(parameters), parameters["ReceiptHandle"])
        return {}

    def change_message_visibility(self, parameters: Parameters) -> Answer:
        """Change for how long nobody else gets a message that was received."""
        receipt = parameters["ReceiptHandle"]
        seconds = parameters.get("VisibilityTimeout", 0)
        limits.check_receipt(receipt)
        limits.check_range("VisibilityTimeout", seconds, 0, 43_200)
        if not self._queues.hide(_queue(parameters), receipt, seconds):
            raise AwsError(
                "InvalidParameterValue",
                f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: Message does not"
                " exist or is not available for visibility timeout change.",
            )
        return {}

    def _batch(self, operation: Callable[[Parameters], Answer]) -> Operation:
        """The operation for many entries, each of which succeeds or fails by itself."""

        def run(parameters: Parameters) -> Answer:
            self._queues.attributes(_queue(parameters))
            limits.check_batch(parameters["Entries"])
            done: list[Answer] = []
            failed: list[Answer] = []
            for entry in parameters["Entries"]:
                own = {"Id": entry["Id"]}
                try:
                    done.append(own | operation({**entry, "QueueUrl": parameters["QueueUrl"]}))
                except AwsError as error:
                    why = {"SenderFault": True, "Code": error.code, "Message": error.message}
                    failed.append(own | why)
            return {"Successful": done, "Failed": failed}

        return run


def _queue(parameters: Parameters) -> str:
    # Only the name counts: the server may have been on another port when the address was told.
    return str(parameters["QueueUrl"]).rstrip("/").rpartition("/")[2]


def _setting(attributes: Mapping[str, str], name: str) -> int:
    if name in limits.IGNORED:
        return 0
    return int(attributes.get(name, limits.RANGES[name][2]))


def _view(message: Message, asked: Sequence[str]) -> Answer:
    known = {
        "ApproximateFirstReceiveTimestamp": str(round(message.first_received * 1000)),
        "ApproximateReceiveCount": str(message.receives),
        "SenderId": ACCOUNT,
        "SentTimestamp": str(round(message.sent * 1000)),
    }
    shown = {key: value for key, value in known.items() if key in asked or "All" in asked}
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": _md5(message.body),
        "Body": message.body,
        "Attributes": shown or None,
    }


def _md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
