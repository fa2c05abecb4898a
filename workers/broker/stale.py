"""Skips what cannot be settled any more: its connection is lost, and RabbitMQ delivers it again."""

from __future__ import annotations

import dramatiq
from dramatiq.middleware import Middleware, SkipMessage

from .fleet_message import FleetMessage


class SkipStale(Middleware):
    """Keeps a message that waited in memory while its connection was lost from running twice."""

    def before_process_message(
        self, broker: dramatiq.Broker, message: dramatiq.broker.MessageProxy
    ) -> None:
        """Called by the worker before the actor.

        Raises:
            SkipMessage: Another worker, or this one, gets the message again.
        """
        if isinstance(message, FleetMessage) and not message.subscription.is_alive:
            raise SkipMessage("its connection is lost, it comes again")

    def __repr__(self) -> str:
        return "SkipStale()"
