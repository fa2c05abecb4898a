"""The queue inside one process, for when there is no broker. MongoDB is the truth: a restart rings again."""

from __future__ import annotations

from collections.abc import Sequence

from dramatiq import Message
from dramatiq.brokers.stub import StubBroker

from ..bus import Event
from ..stages import QUEUE_OF


class LocalBus:
    """Sends to the actors of this process; there is nobody outside to listen to events."""

    def __init__(self) -> None:
        # No middleware: what fails is rung for again by the clock, and nothing runs for long.
        self.broker = StubBroker(middleware=[])

    def ring(self, actor: str, *arguments: str | list[str]) -> None:
        """See Bus.ring."""
        self.broker.enqueue(
            Message(
                queue_name=QUEUE_OF[actor], actor_name=actor, args=arguments, kwargs={}, options={}
            )
        )

    def tell(self, events: Sequence[Event]) -> None:
        """See Bus.tell."""
