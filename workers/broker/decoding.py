"""From a delivery to the Dramatiq message that the worker runs, or the reason why there is none."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import dramatiq

from ...models.errors import Fatal, Retryable
from ...models.queues import INTAKE_QUEUE, WORK_QUEUES
from .delivery import Delivery

#: What runs for a request; never by a message that names it, only by the queue that it came by.
INTAKE_ACTOR = "intake"
ACCEPT_ACTOR = "accept"

#: What runs for a message that is given up: it tells the job, and keeps the letter.
BURY_ACTOR = "bury"

#: What no message may call by its name.
RESERVED_ACTORS = frozenset({INTAKE_ACTOR, ACCEPT_ACTOR, BURY_ACTOR})

#: The fields of a Dramatiq message on the wire (dramatiq.Message), with the type of each.
FIELDS: dict[str, type] = {
    "queue_name": str,
    "actor_name": str,
    "args": list,
    "kwargs": dict,
    "options": dict,
    "message_id": str,
    "message_timestamp": int,
}

#: These are tried again, and Dramatiq need not log them as failures of ours.
OPTIONS = {"throws": (Retryable,)}


class Unusable(Fatal):
    """Nothing can run for this message; says why."""


def decode(
    delivery: Delivery, *, actors: Collection[str], max_body_bytes: int
) -> dramatiq.Message[Any]:
    """Say what runs for the delivery.

    A request is passed on as it came: would its body be read as a Dramatiq message, any producer could
    call any actor.

    Arguments:
        actors: The names that a message of a work queue may call.

    Raises:
        Unusable: The body is too large; or in a work queue, not a message of one of the actors.
    """
    if len(delivery.body) > max_body_bytes:
        raise Unusable(
            f"The body has {len(delivery.body)} bytes: at most {max_body_bytes} are read."
        )
    if delivery.queue in WORK_QUEUES:
        return _decode_work(delivery, actors)
    actor = INTAKE_ACTOR if delivery.queue == INTAKE_QUEUE else ACCEPT_ACTOR
    return dramatiq.Message(
        queue_name=delivery.queue,
        actor_name=actor,
        args=(),
        kwargs={"delivery": delivery},
        options=dict(OPTIONS),
    )


def burial(delivery: Delivery, reason: str) -> dramatiq.Message[Any]:
    """What runs for a delivery that is given up."""
    return dramatiq.Message(
        queue_name=delivery.queue,
        actor_name=BURY_ACTOR,
        args=(),
        kwargs={"delivery": delivery, "reason": reason},
        options=dict(OPTIONS),
    )


def _decode_work(delivery: Delivery, actors: Collection[str]) -> dramatiq.Message[Any]:
    found = _parse(delivery.body)
    for name, kind in FIELDS.items():
        # type(), since a bool is an int to isinstance().
        if type(found[name]) is not kind:
            raise Unusable(f"Not a Dramatiq message: {name} is not of the type {kind.__name__}.")
    if found["options"]:
        # They would reach into the worker: "eta" holds a message back, "throws" ends its thread.
        raise Unusable("Not a message of the fleet: those have no options.")
    if found["actor_name"] not in actors or found["actor_name"] in RESERVED_ACTORS:
        raise Unusable(f"There is no actor {found['actor_name'][:100]!r}.")
    return dramatiq.Message(
        # The worker looks its consumer up by this name: one that is not the queue's ends the thread.
        queue_name=delivery.queue,
        actor_name=found["actor_name"],
        args=tuple(found["args"]),
        kwargs=found["kwargs"],
        options=dict(OPTIONS),
        message_id=found["message_id"],
        message_timestamp=found["message_timestamp"],
    )


def _parse(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except RecursionError:
        raise Unusable("Not a Dramatiq message: nested too deeply.") from None
    except ValueError as error:
        raise Unusable(f"Not a Dramatiq message: {error}.") from error
    if not isinstance(found, dict) or found.keys() != FIELDS.keys():
        raise Unusable(f"Not a Dramatiq message: expected the keys {', '.join(FIELDS)}.")
    return found
