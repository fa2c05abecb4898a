"""The ways out of a stage, by RabbitMQ; each returns when the broker has confirmed."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pika
from dramatiq import Message

from ..models.amqp import Outgoing
from ..models.dead_letters import USER_ID
from ..models.queues import EVENTS_EXCHANGE, REQUESTS_EXCHANGE
from ..monitoring import recorder
from .broker import FleetBroker
from .broker.delivery import Delivery
from .bus import Event
from .stages import QUEUE_OF


class RabbitBus:
    """A Bus and a RequestBus on the process's one connection."""

    def __init__(self, broker: FleetBroker) -> None:
        self.broker = broker

    def ring(self, actor: str, *arguments: str | list[str]) -> None:
        """See Bus.ring."""
        self.broker.enqueue(
            Message(
                queue_name=QUEUE_OF[actor], actor_name=actor, args=arguments, kwargs={}, options={}
            )
        )

    def tell(self, events: Sequence[Event]) -> None:
        """See Bus.tell."""
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=2)
        self.broker.publish_all(
            [
                Outgoing(
                    exchange=EVENTS_EXCHANGE,
                    routing_key=event.routing_key,
                    body=json.dumps(event.body).encode(),
                    properties=properties,
                    mandatory=False,
                )
                for event in events
            ]
        )

    def note_missing(self, tag_group: str) -> None:
        """See RequestBus.note_missing."""
        self.broker.note_missing_group(tag_group)

    def forward(self, delivery: Delivery, tag_group: str) -> None:
        """See RequestBus.forward."""
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            message_id=delivery.message_id,
            # Not as the property: RabbitMQ refuses another's name there.
            headers={USER_ID: delivery.user_id or ""},
        )
        self.broker.publish_all(
            [
                Outgoing(
                    exchange=REQUESTS_EXCHANGE,
                    routing_key=tag_group,
                    body=delivery.body,
                    properties=properties,
                    mandatory=True,
                )
            ]
        )

    def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """See RequestBus.dead_letter."""
        self.broker.dead_letter(delivery, reason)
        recorder.record_dead_letter(delivery.queue)
