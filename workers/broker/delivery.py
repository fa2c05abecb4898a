"""What RabbitMQ handed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...models.dead_letters import USER_ID


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Delivery:
    """One message as it came; nothing in it is checked, but that the types are these."""

    body: bytes
    #: The queue that it came by.
    queue: str
    exchange: str
    routing_key: str
    message_id: str | None
    #: The producer's user name, where RabbitMQ has verified it; also of what the fleet has passed on.
    user_id: str | None
    content_type: str | None
    headers: Mapping[str, Any]
    #: It was handed out before, to somebody who did not finish it.
    redelivered: bool
    #: How often that happened, as far as the queue knows.
    delivery_count: int
    #: How often it was handed out before it came to the queue of the suspects.
    earlier_deliveries: int = 0
    #: All properties, as pika's `BasicProperties`; None where a test made it up.
    properties: Any = field(default=None, compare=False)

    @classmethod
    def of(
        cls, queue: str, method: Any, properties: Any, body: bytes, signature: str | None = None
    ) -> Delivery:
        """What pika gave a consumer of the queue.

        Arguments:
            signature: The `user_id` of what the fleet has passed on; None: it signs nothing.
        """
        headers = properties.headers or {}
        count = headers.get("x-delivery-count", 0)
        return cls(
            body=body,
            queue=queue,
            exchange=method.exchange,
            routing_key=method.routing_key,
            message_id=properties.message_id,
            user_id=_producer(properties.user_id, headers, signature),
            content_type=properties.content_type,
            headers=headers,
            redelivered=method.redelivered,
            # A producer may set the header on a new message, to anything.
            delivery_count=count if isinstance(count, int) and count >= 0 else 0,
            properties=properties,
        )

    @property
    def deliveries(self) -> int:
        """How often it was handed out, this time included."""
        return self.earlier_deliveries + self.delivery_count + 1

    def __repr__(self) -> str:
        # Dramatiq logs a message's arguments; bodies and headers are not for logs.
        return (
            f"<Delivery of {len(self.body)} bytes by {self.queue}, message_id {self.message_id!r}>"
        )


def _producer(user_id: str | None, headers: Mapping[str, Any], signature: str | None) -> str | None:
    # Anybody may write the header; it counts where RabbitMQ vouches that the fleet did.
    if signature is None or user_id != signature or USER_ID not in headers:
        return user_id
    noted = headers[USER_ID]
    return noted if isinstance(noted, str) and noted else None
