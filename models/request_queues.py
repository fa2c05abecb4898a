"""Which tag groups ever had a queue, and what becomes of each queue, in MongoDB.

RabbitMQ tells nobody which queues there are: a worker that starts after a group was taken out of the rules
would not know that requests still wait for it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from .database import database, now


class QueueState(StrEnum):
    """What becomes of a group's queue."""

    OPEN = "open"  #: It stands, or is about to; requests are led there.
    DRAINING = "draining"  #: No request is led there any more; what is in it is still worked at.
    GONE = "gone"  #: It was deleted when it was empty.


def states() -> dict[str, tuple[QueueState, datetime]]:
    """Every group that ever had a queue: the queue's state, and since when it is so."""
    return {
        row["_id"]: (QueueState(row["state"]), row["since"])
        for row in database()["request_queues"].find()
    }


def is_known(group: str) -> bool:
    """Whether there ever was a queue of this group."""
    return database()["request_queues"].find_one({"_id": group}) is not None


def opened(group: str) -> None:
    """The queue is about to be declared: written down first, for who dies in between leaves it there."""
    database()["request_queues"].update_one(
        {"_id": group}, {"$set": {"state": str(QueueState.OPEN), "since": now()}}, upsert=True
    )


def move(group: str, before: QueueState, after: QueueState) -> bool:
    """Change the state, if it is still that one; says whether it was."""
    moved = database()["request_queues"].update_one(
        {"_id": group, "state": str(before)}, {"$set": {"state": str(after), "since": now()}}
    )
    return moved.modified_count == 1
