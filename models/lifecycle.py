"""The one writer of a job's status: compare-and-set, with history, and listeners that are told."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pymongo import UpdateOne

from .database import now
from .job import Job
from .states import MOVES, JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of one job's status."""

    job_id: str
    before: JobStatus
    after: JobStatus
    message: str
    #: Further fields to set, by their names in MongoDB.
    also: Mapping[str, Any] = field(default_factory=dict)
    #: Further fields that must still be as they were read: a status may have been left and come back to.
    where: Mapping[str, Any] = field(default_factory=dict)


#: How long an ended job waits for `finish` before the clock rings for it: its message was lost.
FINISH_RING = timedelta(seconds=60)

#: Of a job's history, as many entries are kept: what waits long for a slot must not outgrow its document.
LONGEST_HISTORY = 500

#: What is told of each move that happened.
Listener = Callable[[Move], None]

_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Tell the listener of every move that this process makes from now on."""
    if listener not in _listeners:
        _listeners.append(listener)


def advance(move: Move, *, worker: str) -> bool:
    """Move one job.

    Returns:
        Whether it moved; False when it was no longer where the move begins.
    """
    result = Job._get_collection().update_one(*_update(move, worker, None))
    moved = bool(result.modified_count)
    if moved:
        _tell(move)
    return moved


def advance_all(moves: Sequence[Move], *, worker: str) -> list[Move]:
    """Move many jobs in one command.

    Returns:
        The moves that happened.
    """
    if not moves:
        return []
    # A bulk write tells how many moved, not which: those bear this batch's name.
    batch = uuid.uuid4().hex
    collection = Job._get_collection()
    result = collection.bulk_write(
        [UpdateOne(*_update(move, worker, batch)) for move in moves], ordered=False
    )
    happened = list(moves)
    if result.modified_count < len(moves):
        ids = [move.job_id for move in moves]
        found = {
            row["_id"] for row in collection.find({"_id": {"$in": ids}, "batch": batch}, {"_id": 1})
        }
        happened = [move for move in moves if move.job_id in found]
    for move in happened:
        _tell(move)
    return happened


def _update(move: Move, worker: str, batch: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    if move.after not in MOVES.get(move.before, frozenset()):
        raise ValueError(f"a job cannot move from {move.before} to {move.after}")
    moment = now()
    entry = {"status": str(move.after), "time": moment, "message": move.message, "worker": worker}
    changes: dict[str, Any] = {
        "status": str(move.after),
        "status_message": move.message,
        "updated": moment,
        "rings": 0,
    }
    if move.after.is_terminal:
        # Its logs are still to be archived and its end to be told: the clock sees to it if nobody does.
        changes |= {"finished": moment, "ring_at": moment + FINISH_RING}
    if batch:
        changes["batch"] = batch
    changes |= move.also
    update: dict[str, Any] = {
        "$set": {name: value for name, value in changes.items() if value is not None},
        "$push": {"history": {"$each": [entry], "$slice": -LONGEST_HISTORY}},
    }
    if absent := {name: "" for name, value in changes.items() if value is None}:
        update["$unset"] = absent
    return {"_id": move.job_id, "status": str(move.before), **move.where}, update


def _tell(move: Move) -> None:
    for listener in _listeners:
        listener(move)
