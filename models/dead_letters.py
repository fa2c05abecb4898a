"""A dead letter: a message that could not be used, why, and where it came from."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from .queues import DELIVERY_LIMIT, REQUESTS_EXCHANGE, WORK_QUEUES, group_of

#: What our headers begin with.
OURS: Final = "x-tagfleet-"
REASON: Final = f"{OURS}reason"
QUEUE: Final = f"{OURS}queue"
EXCHANGE: Final = f"{OURS}exchange"
ROUTING_KEY: Final = f"{OURS}routing-key"
MESSAGE_ID: Final = f"{OURS}message-id"
TIME: Final = f"{OURS}time"
DELIVERIES: Final = f"{OURS}deliveries"
RUNS: Final = f"{OURS}runs"

#: Whom RabbitMQ had verified as the producer, where a message was published again by the fleet; "": nobody.
USER_ID: Final = f"{OURS}user-id"

#: Headers that RabbitMQ itself writes into messages.
_BROKERS: Final = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-", "x-acquired-")

#: Why RabbitMQ itself made a dead letter of a message, by its own word for it.
_BROKERS_REASONS: Final = {
    "delivery_limit": f"It was handed out more than {DELIVERY_LIMIT} times, and no worker answered: "
    "each time the worker or its connection was lost.",
    "maxlen": "Its queue was full, and dropped it: a policy has set its `overflow` to drop messages.",
    "rejected": "Something that is no worker of this fleet took it from its queue, and rejected it.",
    "expired": "It waited in its queue for longer than a policy, or its own expiration, allows.",
}


def is_brokers_header(name: str) -> bool:
    """Whether RabbitMQ writes this header; on a message that is published, it means nothing."""
    return name.startswith(_BROKERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dead letter. Its texts are as they came: anybody may have published them."""

    #: The same each time that it is read. Messages that are alike in all that is kept have the same.
    id: str
    reason: str
    #: Where it was when it died, and how it had come there.
    queue: str
    exchange: str
    routing_key: str
    #: When it died.
    time: datetime | None
    message_id: str | None
    #: The job that it asks for, or that its work is about, as far as the message says.
    job_id: str | None
    #: Who published it: as RabbitMQ has verified, or else as the request says.
    user: str | None
    #: How often it was handed out to workers; None where nobody has counted.
    deliveries: int | None
    content_type: str | None
    #: The producer's own headers.
    headers: Mapping[str, Any]
    body: bytes

    @classmethod
    def of(cls, properties: Any, body: bytes) -> Letter:
        """What pika gave whoever took the letter."""
        headers = properties.headers or {}
        death = _death(headers)
        queue = _text(death["queue"] if death else headers.get(QUEUE))
        data = _json(body)
        message_id = properties.message_id or headers.get(MESSAGE_ID)
        return cls(
            id=_id_of(properties, headers, body, death),
            reason=_reason_of(headers, death),
            queue=queue,
            exchange=_text(death["exchange"] if death else headers.get(EXCHANGE)),
            routing_key=_text(_first_key(death) if death else headers.get(ROUTING_KEY)),
            time=_time(death["time"] if death else headers.get(TIME)),
            message_id=_text(message_id) or None,
            job_id=_job_of(queue, data, message_id),
            # Of a letter that RabbitMQ has made, the headers are the producer's: he may write anything.
            user=_text(properties.user_id if death else headers.get(USER_ID))
            or _text(data.get("user"))
            or None,
            deliveries=None if death else _count(headers.get(DELIVERIES)),
            content_type=properties.content_type,
            headers={
                name: value
                for name, value in headers.items()
                if not is_brokers_header(name) and not name.startswith(OURS)
            },
            body=body,
        )

    @property
    def is_request(self) -> bool:
        """Whether it is a job request, and not the fleet's own work."""
        return group_of(self.queue) is not None

    @property
    def destination(self) -> tuple[str, str] | None:
        """The exchange and the routing key by which it goes where it came from; None: nowhere of ours."""
        if self.queue in WORK_QUEUES:
            return "", self.queue
        group = group_of(self.queue)
        if group is None:
            return None
        return REQUESTS_EXCHANGE, self.routing_key if self.exchange == REQUESTS_EXCHANGE else group

    def row(self) -> dict[str, Any]:
        """The letter as JSON data, without what may be long."""
        return {
            "id": self.id,
            "time": self.time.isoformat(timespec="seconds") if self.time else None,
            "queue": self.queue,
            "exchange": self.exchange,
            "routingKey": self.routing_key,
            "messageId": self.message_id,
            "jobId": self.job_id,
            "user": self.user,
            "deliveries": self.deliveries,
            "bytes": len(self.body),
            "reason": self.reason,
        }

    def whole(self) -> dict[str, Any]:
        """The letter as JSON data; a body that is no text is in base64."""
        try:
            body = {"body": self.body.decode()}
        except UnicodeDecodeError:
            body = {"bodyBase64": base64.b64encode(self.body).decode()}
        headers = json.loads(json.dumps(dict(self.headers), default=repr))
        return {**self.row(), "contentType": self.content_type, "headers": headers, **body}


def _death(headers: Mapping[str, Any]) -> Mapping[str, Any] | None:
    # Letters that a worker made have none: it drops what stood there. The newest entry is the first.
    deaths = headers.get("x-death")
    newest = deaths[0] if isinstance(deaths, list) and deaths else None
    if not isinstance(newest, Mapping):
        return None
    return {name: newest.get(name) for name in ("reason", "queue", "exchange", "time")} | {
        "keys": newest.get("routing-keys")
    }


def _reason_of(headers: Mapping[str, Any], death: Mapping[str, Any] | None) -> str:
    if death:
        word = _text(death["reason"])
        return _BROKERS_REASONS.get(word, f"RabbitMQ says {word!r}, and nothing else.")
    return _text(headers.get(REASON)) or "Unknown: no worker of this fleet has put it here."


def _id_of(
    properties: Any, headers: Mapping[str, Any], body: bytes, death: Mapping[str, Any] | None
) -> str:
    # Not what changes when it is read: RabbitMQ counts each time.
    parts = (
        [death["queue"], death["reason"], death["time"]]
        if death
        else [headers.get(name) for name in (QUEUE, REASON, TIME)]
    )
    digest = hashlib.sha256(body)
    digest.update(json.dumps([_text(properties.message_id), *map(str, parts)]).encode())
    return digest.hexdigest()[:12]


def _job_of(queue: str, data: Mapping[str, Any], message_id: object) -> str | None:
    if queue not in WORK_QUEUES:
        return _text(message_id or data.get("id")) or None
    arguments = data.get("args")
    # Those of the fleet's actors that work at jobs take a list of their ids.
    ids = arguments[0] if isinstance(arguments, list) and arguments else None
    return _text(ids[0]) or None if isinstance(ids, list) and len(ids) == 1 else None


def _first_key(death: Mapping[str, Any]) -> object:
    keys = death["keys"]
    return keys[0] if isinstance(keys, list) and keys else ""


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, int) else None


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if not isinstance(found, datetime):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
