"""The names of what stands in RabbitMQ, and how each queue and exchange is declared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

#: Where producers publish requests; the routing key is a tag group's name, or `intake`.
REQUESTS_EXCHANGE: Final = "tagfleet.requests"

#: Where listeners bind for what happens to jobs.
EVENTS_EXCHANGE: Final = "tagfleet.events"

#: Takes what the requests' exchange cannot route, and gives it to the intake worker, which says why.
UNROUTABLE_EXCHANGE: Final = "tagfleet.unroutable"

#: Takes what cannot be used. The exchange and its one queue share the name.
DEAD_LETTERS_EXCHANGE: Final = "tagfleet.dead-letters"
DEAD_LETTERS_QUEUE: Final = "tagfleet.dead-letters"

#: The routing key of a producer that does not know the tag groups.
INTAKE: Final = "intake"

#: The queues whose bodies are Dramatiq messages: the fleet's own work, an id each.
CLUSTERS_QUEUE: Final = "tagfleet.clusters"
FINISH_QUEUE: Final = "tagfleet.finish"
RECOVER_QUEUE: Final = "tagfleet.recover"
WORK_QUEUES: Final = (CLUSTERS_QUEUE, FINISH_QUEUE, RECOVER_QUEUE)

#: Takes what came back several times without an answer; a worker has one message of it at a time.
SUSPECTS_QUEUE: Final = "tagfleet.suspects"

#: What a tag group cannot be called: its queue's name would be another's.
RESERVED_GROUP_NAMES: Final = frozenset(
    {INTAKE, "clusters", "finish", "recover", "suspects"}
    | {"dead-letters", "unroutable", "requests", "events"}
)

#: How often RabbitMQ gives out one message before it is a dead letter: the last net, for what workers
#: cannot judge. A lost connection counts as much as a crash does: a small number would bury sound messages.
DELIVERY_LIMIT: Final = 20

#: The same for the dead letters themselves, which are looked at and given back for as long as they lie
#: there. Without a limit RabbitMQ 4 takes 20 and drops them then, and 3.x returns them to the end of the
#: queue, out of order; with -1, "no limit" to RabbitMQ 4, 3.10 drops each at its first return (seen).
LETTERS_DELIVERY_LIMIT: Final = 1_000_000_000

#: How many requests may wait in one queue; then RabbitMQ refuses more, and their producers know. An admin
#: who wants less sets a policy with `max-length`, for the queues of requests only.
LONGEST_REQUEST_QUEUE: Final = 100_000

# RabbitMQ hands a message to the dead letters without waiting for their queue to have it, unless it
# is told "at-least-once", which in turn needs "reject-publish" (RabbitMQ docs, "Quorum Queues").
_CARRIES_WORK: Final[Mapping[str, str | int]] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": DELIVERY_LIMIT,
    "x-dead-letter-exchange": DEAD_LETTERS_EXCHANGE,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}
_CARRIES_REQUESTS: Final = {**_CARRIES_WORK, "x-max-length": LONGEST_REQUEST_QUEUE}
_KEEPS_LETTERS: Final[Mapping[str, str | int]] = {
    "x-queue-type": "quorum",
    "x-delivery-limit": LETTERS_DELIVERY_LIMIT,
}

_GROUP_NAME = re.compile(r"[a-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue."""

    name: str
    arguments: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestQueue:
    """The queue of a tag group's requests; None leaves to the fleet how it is kept."""

    group: str
    #: How many requests may wait in it; RabbitMQ refuses more.
    max_queued: int | None = None
    #: How often RabbitMQ gives out one message before it is a dead letter.
    delivery_limit: int | None = None

    def __post_init__(self) -> None:
        if self.group != INTAKE and not valid_group_name(self.group):
            raise ValueError(f"{self.group!r} cannot be the name of a tag group")

    @property
    def queue(self) -> Queue:
        """How it is declared."""
        arguments = dict(_CARRIES_REQUESTS)
        if self.max_queued is not None:
            arguments["x-max-length"] = self.max_queued
        if self.delivery_limit is not None:
            arguments["x-delivery-limit"] = self.delivery_limit
        return Queue(group_queue(self.group), arguments)

    @property
    def binding(self) -> Binding:
        """What leads requests there."""
        return Binding(REQUESTS_EXCHANGE, group_queue(self.group), self.group)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    #: `direct`, `topic` or `fanout`.
    type: str
    arguments: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    """What an exchange passes to a queue; a fanout exchange needs no routing key."""

    exchange: str
    queue: str
    routing_key: str = ""


@dataclass(frozen=True, slots=True)
class Topology:
    """All that must stand in RabbitMQ; declared in this order."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]


def valid_group_name(name: str) -> bool:
    """Say whether a tag group may be called this: lower-case letters, digits, `-` and `_`, at most 64."""
    return _GROUP_NAME.fullmatch(name) is not None and name not in RESERVED_GROUP_NAMES


def group_queue(group: str) -> str:
    """The queue of a tag group's requests; also of `intake`."""
    return f"tagfleet.{group}"


def group_of(queue: str) -> str | None:
    """The tag group, or `intake`, whose requests a queue takes; None if it takes none."""
    group = queue.removeprefix("tagfleet.")
    return group if group == INTAKE or (group != queue and valid_group_name(group)) else None


def queue_behind(exchange: str, routing_key: str) -> str:
    """The queue that such a message goes to; of an exchange for anybody's queues, the exchange."""
    if exchange == REQUESTS_EXCHANGE:
        return group_queue(routing_key)
    return exchange or routing_key


INTAKE_QUEUE: Final = group_queue(INTAKE)


def topology(groups: Iterable[str | RequestQueue]) -> Topology:
    """What must be declared for a fleet with these tag groups.

    Raises:
        ValueError: A group's name cannot be part of a queue's name.
    """
    given = (
        each if isinstance(each, RequestQueue) else RequestQueue(group=each) for each in groups
    )
    requests = {INTAKE: RequestQueue(group=INTAKE)} | {each.group: each for each in given}
    return Topology(
        exchanges=(
            Exchange(DEAD_LETTERS_EXCHANGE, "fanout"),
            Exchange(UNROUTABLE_EXCHANGE, "fanout"),
            Exchange(EVENTS_EXCHANGE, "topic"),
            Exchange(REQUESTS_EXCHANGE, "direct", {"alternate-exchange": UNROUTABLE_EXCHANGE}),
        ),
        queues=(
            Queue(DEAD_LETTERS_QUEUE, _KEEPS_LETTERS),
            *(each.queue for each in requests.values()),
            *(Queue(name, _CARRIES_WORK) for name in (*WORK_QUEUES, SUSPECTS_QUEUE)),
        ),
        bindings=(
            Binding(DEAD_LETTERS_EXCHANGE, DEAD_LETTERS_QUEUE),
            Binding(UNROUTABLE_EXCHANGE, INTAKE_QUEUE),
            *(each.binding for each in requests.values()),
        ),
    )
