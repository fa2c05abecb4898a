"""A fleet on the test's own database and folders; what its stages send is written down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tagfleet.models.settings import Settings
from tagfleet.workers.broker.delivery import Delivery
from tagfleet.workers.bus import Event
from tagfleet.workers.fleet import Fleet
from tagfleet.workers.process import open_fleet


@dataclass
class NotedBus:
    """A bus that notes what it is given, in place of the broker."""

    rung: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    forwarded: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def ring(self, actor: str, *arguments: str | list[str]) -> None:
        self.rung.append((actor, *arguments))

    def tell(self, events: Sequence[Event]) -> None:
        self.events += events

    def note_missing(self, tag_group: str) -> None:
        self.missing.append(tag_group)

    def forward(self, delivery: Delivery, tag_group: str) -> None:
        self.forwarded.append(tag_group)

    def dead_letter(self, delivery: Delivery, reason: str) -> None:
        self.dead.append(reason)


def a_fleet(folder: Path, bus: NotedBus, **settings: str) -> Fleet:
    """A fleet whose staging area and archive are folders."""
    return open_fleet(
        Settings.from_environ(
            {"TAGFLEET_EMR_QUOTAS": "none"}
            | {f"TAGFLEET_{name}": value for name, value in settings.items()}
        ),
        bus,
        staging_url=str(folder / "staging"),
        archive_url=str(folder / "archive"),
    )


def a_delivery(body: object, **changes: Any) -> Delivery:
    """A message as it comes by the queue of the tag group `etl`."""
    parts: dict[str, Any] = {
        "body": body if isinstance(body, bytes) else json.dumps(body).encode(),
        "queue": "tagfleet.etl",
        "exchange": "tagfleet.requests",
        "routing_key": "etl",
        "message_id": None,
        "user_id": None,
        "content_type": "application/json",
        "headers": {},
        "redelivered": False,
        "delivery_count": 0,
    }
    return Delivery(**parts | changes)
