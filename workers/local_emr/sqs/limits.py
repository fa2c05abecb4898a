"""What SQS refuses, in its words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..errors import AwsError
from .queues import RETENTION_SECONDS

#: What a queue's attributes may be, and are when they are not set. Units: seconds, bytes.
RANGES: Final = {
    "DelaySeconds": (0, 900, 0),
    "MaximumMessageSize": (1024, 1_048_576, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600, RETENTION_SECONDS),
    "ReceiveMessageWaitTimeSeconds": (0, 20, 0),
    "VisibilityTimeout": (0, 43_200, 30),
}

#: Attributes that are kept and shown, and change nothing here.
IGNORED: Final = frozenset({"Policy", "SqsManagedSseEnabled"})

#: How many entries a batch may have.
BATCH: Final = 10

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_RECEIPT: Final = re.compile(r"[0-9a-f]{32}")
_NO_TEXT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def check_name(name: str) -> None:
    """Refuse what cannot be a standard queue's name."""
    if not _NAME.fullmatch(name):
        raise AwsError(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            " (the local SQS has no FIFO queues).",
        )


def check_attributes(attributes: Mapping[str, str]) -> None:
    """Refuse attributes that a queue cannot have."""
    for name, value in attributes.items():
        if name in IGNORED:
            continue
        if name not in RANGES:
            raise AwsError("InvalidAttributeName", f"The local SQS has no attribute {name}.")
        least, most, _ = RANGES[name]
        if not value.isdecimal() or not least <= int(value) <= most:
            message = f"Invalid value for the parameter {name}."
            raise AwsError("InvalidAttributeValue", message)


def check_range(name: str, value: int, least: int, most: int) -> None:
    """Refuse a parameter's value that is not between two others."""
    if not least <= value <= most:
        raise AwsError(
            "InvalidParameterValue",
            f"Value {value} for parameter {name} is invalid. Reason: Must be between {least} and"
            f" {most}, if provided.",
        )


def check_receipt(receipt: str) -> None:
    """Refuse what was never a receipt handle."""
    if not _RECEIPT.fullmatch(receipt):
        message = f'The input receipt handle "{receipt}" is not a valid receipt handle.'
        raise AwsError("ReceiptHandleIsInvalid", message)


def check_message(parameters: Mapping[str, Any], most_bytes: int) -> None:
    """Refuse a message that SQS would, or that has what the local SQS does not keep."""
    body = parameters["MessageBody"]
    if not 1 <= len(body.encode()) <= most_bytes:
        message = (
            f"One or more parameters are invalid. Reason: Message must be 1 to {most_bytes} bytes."
        )
        raise AwsError("InvalidParameterValue", message)
    if _NO_TEXT.search(body):
        message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        raise AwsError("InvalidMessageContents", message)
    for name in ("MessageAttributes", "MessageSystemAttributes", "MessageGroupId"):
        if parameters.get(name):
            raise AwsError("UnsupportedOperation", f"The local SQS does not do {name}.")


def check_batch(entries: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a batch as a whole."""
    if not entries:
        raise AwsError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > BATCH:
        message = (
            f"Maximum number of entries per request are {BATCH}. You have sent {len(entries)}."
        )
        raise AwsError("TooManyEntriesInBatchRequest", message)
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise AwsError("BatchEntryIdsNotDistinct", "Two or more entries have the same Id.")
