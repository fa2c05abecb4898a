"""The letter that is kept of a message that cannot be used: as it came, with the reason in its headers."""

from __future__ import annotations

from datetime import UTC, datetime

from ...models import dead_letters as headers
from ...models.amqp import Outgoing
from ...models.queues import DEAD_LETTERS_EXCHANGE
from .copies import copy_of
from .delivery import Delivery

#: Of a reason, as many characters are kept.
REASON_LENGTH = 2_000


def dead_letter(delivery: Delivery, reason: str) -> Outgoing:
    """The message for the dead letters' exchange."""
    ours: dict[str, str | int] = {
        headers.REASON: _printable(reason),
        headers.QUEUE: delivery.queue,
        headers.ROUTING_KEY: delivery.routing_key,
        headers.EXCHANGE: delivery.exchange,
        headers.TIME: datetime.now(UTC).isoformat(timespec="milliseconds"),
        headers.DELIVERIES: delivery.deliveries,
    }
    if delivery.message_id:
        ours[headers.MESSAGE_ID] = delivery.message_id
    return copy_of(
        delivery,
        exchange=DEAD_LETTERS_EXCHANGE,
        routing_key=delivery.routing_key,
        headers=ours,
    )


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()[:REASON_LENGTH]
