"""What a stage may send: to other stages, to listeners outside, to the dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .broker.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Event:
    """What listeners outside are told: a routing key on `tagfleet.events`, and a JSON body."""

    routing_key: str
    body: dict[str, Any]


class Bus(Protocol):
    """The way out of a stage. Every method returns only when what was sent is safe, or raises Retryable."""

    def ring(self, actor: str, *arguments: str | list[str]) -> None:
        """Send a short message to one of the fleet's own actors; it carries ids and nothing else."""

    def tell(self, events: Sequence[Event]) -> None:
        """Publish events to whoever listens; nobody may."""


class RequestBus(Protocol):
    """Where a request goes that came by a queue and cannot stay there; as safe as a Bus."""

    def note_missing(self, tag_group: str) -> None:
        """Requests that were meant for the queue of this tag group come elsewhere: it may not be there."""

    def forward(self, delivery: Delivery, tag_group: str) -> None:
        """Publish a request again, as it came, to the queue of its tag group."""

    def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Keep a message that cannot be used, with the reason."""
