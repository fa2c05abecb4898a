"""The letter that is kept of a message that cannot be used: as it came, with the reason in its headers."""

from __future__ import annotations

from typing import Any

import pika

from ...models.amqp import Outgoing
from ...models.queues import DEAD_LETTERS_EXCHANGE
from .delivery import Delivery

#: Of a reason, as many characters are kept.
REASON_LENGTH = 2_000

#: All properties of a message travel in one frame, of 128 KiB by RabbitMQ's default; a larger one closes
#: the connection. What a producer filled up to the brim has no room for our headers.
PROPERTIES_BYTES = 100_000

_KEPT = (
    "content_type",
    "content_encoding",
    "priority",
    "correlation_id",
    "reply_to",
    "message_id",
    "timestamp",
    "type",
    "app_id",
)


def dead_letter(delivery: Delivery, reason: str) -> Outgoing:
    """The message for the dead letters' exchange."""
    ours = {
        "x-tagfleet-reason": _printable(reason),
        "x-tagfleet-queue": delivery.queue,
        "x-tagfleet-routing-key": delivery.routing_key,
        "x-tagfleet-exchange": delivery.exchange,
    }
    # Not as properties: RabbitMQ refuses another's user name, and would drop the letter at its expiry.
    if delivery.message_id:
        ours["x-tagfleet-message-id"] = delivery.message_id
    if delivery.user_id:
        ours["x-tagfleet-user-id"] = delivery.user_id
    return Outgoing(
        exchange=DEAD_LETTERS_EXCHANGE,
        routing_key=delivery.routing_key,
        body=delivery.body,
        properties=_properties(delivery, ours),
        mandatory=True,
    )


def _properties(delivery: Delivery, ours: dict[str, str]) -> Any:
    kept = {name: getattr(delivery.properties, name, None) for name in _KEPT}
    kept |= {"message_id": delivery.message_id, "content_type": delivery.content_type}
    # Sent on with CC or BCC, copies of the letter would go to whom those name.
    theirs = {name: value for name, value in delivery.headers.items() if name not in ("CC", "BCC")}
    whole = pika.BasicProperties(**kept, delivery_mode=2, headers={**theirs, **ours})
    if _fits(whole):
        return whole
    ours["x-tagfleet-headers-dropped"] = "too large, or of a type that cannot be sent on"
    return pika.BasicProperties(**kept, delivery_mode=2, headers=ours)


def _fits(properties: Any) -> bool:
    try:
        return sum(map(len, properties.encode())) <= PROPERTIES_BYTES
    except Exception:  # pika reads types that it cannot write, a float for one
        return False


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()[:REASON_LENGTH]
