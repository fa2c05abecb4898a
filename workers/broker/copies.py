"""Copies of a message that goes on to another queue: as it came, with headers of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pika

from ...models.amqp import Outgoing
from ...models.dead_letters import OURS, USER_ID, is_brokers_header
from .delivery import Delivery

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


def copy_of(
    delivery: Delivery, *, exchange: str, routing_key: str, headers: Mapping[str, Any]
) -> Outgoing:
    """The message again, to be published elsewhere.

    Arguments:
        headers: Ours; what a producer wrote under such names is dropped.
    """
    ours = dict(headers)
    # Not as a property: RabbitMQ refuses another's user name. Where it has verified none, that is noted.
    ours[USER_ID] = delivery.user_id or ""
    return Outgoing(
        exchange=exchange,
        routing_key=routing_key,
        body=delivery.body,
        properties=_properties(delivery, ours),
        mandatory=True,
    )


def _properties(delivery: Delivery, ours: dict[str, Any]) -> Any:
    kept = {name: getattr(delivery.properties, name, None) for name in _KEPT}
    kept |= {"message_id": delivery.message_id, "content_type": delivery.content_type}
    theirs = {name: value for name, value in delivery.headers.items() if _goes_on(name)}
    whole = pika.BasicProperties(**kept, delivery_mode=2, headers={**theirs, **ours})
    if _fits(whole):
        return whole
    ours[f"{OURS}headers-dropped"] = "too large, or of a type that cannot be sent on"
    return pika.BasicProperties(**kept, delivery_mode=2, headers=ours)


def _goes_on(name: str) -> bool:
    # Sent on with CC or BCC, copies would go to whom those name.
    if name in ("CC", "BCC") or is_brokers_header(name):
        return False
    return not name.startswith(OURS)


def _fits(properties: Any) -> bool:
    try:
        return sum(map(len, properties.encode())) <= PROPERTIES_BYTES
    except Exception:  # pika reads types that it cannot write, a float for one
        return False
