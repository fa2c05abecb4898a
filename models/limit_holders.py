"""Who holds the places that limits leave: never more jobs than a limit allows, whoever asks at once.

Each place is a document whose id says which limit it is of and which number it has, so that two workers
cannot take the same one. A job that has died with its worker is found by `drop_stale`.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ASCENDING
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import DuplicateKeyError

from .database import database, now
from .job import Job
from .states import Held, JobStatus

#: How often a place that somebody else was quicker to take is looked for again.
_TRIES: Final = 20

#: How long a place that was taken for a submission may wait for it.
_ABOUT_TO_START: Final = timedelta(seconds=60)


_WAITING: Final = frozenset({JobStatus.RESERVED, JobStatus.RESOLVED, JobStatus.ACCEPTED})
_PLACED: Final = frozenset({JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING})

#: In which states a job holds such a place.
_HOLDING: Final = {
    Held.QUEUED: _WAITING,
    Held.RUNNING: _PLACED,
    Held.OPEN: _WAITING | _PLACED,
}


def ensure_indexes() -> None:
    """Build the indexes that are missing."""
    for name in ("key", "job"):
        _places().create_index([(name, ASCENDING)])


def take(key: str, job_id: str, held: Held, most: int, *, seconds: float | None = None) -> bool:
    """Take a place for a job, unless all are taken; a job that has one keeps it.

    Arguments:
        key: Which limit, and whose jobs it counts together.
        most: How many places there are now; a limit may have been changed since some were taken.
        seconds: For how long, where the place is held for a time.
    """
    for _ in range(_TRIES):
        places = _alive(key)
        if any(place["job"] == job_id for place in places):
            return True
        if len(places) >= most:
            return False
        free = set(range(most)) - {place["number"] for place in places}
        number = random.choice(sorted(free))
        if _take(key, number, job_id, held, seconds):
            # Places that a larger limit left behind have numbers that the smaller one does not know.
            if any(place["number"] >= most for place in places) and len(_alive(key)) > most:
                _places().delete_one({"_id": _id(key, number), "job": job_id})
                return False
            return True
    return False


def _take(key: str, number: int, job_id: str, held: Held, seconds: float | None) -> bool:
    moment = now()
    place: dict[str, Any] = {"key": key, "number": number, "job": job_id, "held": str(held)}
    place |= {"taken": moment, "until": moment + timedelta(seconds=seconds) if seconds else None}
    if seconds:
        # The place of somebody whose time is over.
        stale = {"_id": _id(key, number), "until": {"$lte": moment}}
        if _places().update_one(stale, {"$set": place}).matched_count:
            return True
    try:
        _places().insert_one({"_id": _id(key, number), **place})
    except DuplicateKeyError:
        return False
    return True


def count(key: str) -> int:
    """How many places are taken."""
    return len(_alive(key))


def give_back(job_id: str, keys: Iterable[str]) -> None:
    """Free the places that the job has of these."""
    _places().delete_many({"job": job_id, "key": {"$in": list(keys)}})


def release(job_id: str, after: JobStatus) -> None:
    """Free what a job no longer holds after it has come to a state."""
    gone = [str(held) for held, states in _HOLDING.items() if after not in states]
    if gone:
        _places().delete_many({"job": job_id, "held": {"$in": gone}})


def drop_stale() -> int:
    """Free the places of jobs that are gone or elsewhere, and those whose time is over; returns how many."""
    moment = now()
    dropped = _places().delete_many({"until": {"$lte": moment}}).deleted_count
    places = list(_places().find({"until": None}))
    if not places:
        return dropped
    ids = sorted({place["job"] for place in places})
    statuses = dict(Job.objects(id__in=ids).scalar("id", "status"))
    seen: set[tuple[str, str]] = set()
    for place in sorted(places, key=lambda each: each["taken"]):
        once = (place["key"], place["job"])
        if once in seen or not _holds(place, statuses.get(place["job"]), moment):
            found = {"_id": place["_id"], "job": place["job"], "taken": place["taken"]}
            dropped += _places().delete_one(found).deleted_count
        seen.add(once)
    return dropped


def _holds(place: dict[str, Any], status: JobStatus | None, moment: datetime) -> bool:
    held = Held(place["held"])
    if status in _HOLDING[held]:
        return True
    is_new = moment - place["taken"] < _ABOUT_TO_START
    return held is Held.RUNNING and status is JobStatus.ACCEPTED and is_new


def _alive(key: str) -> Collection[dict[str, Any]]:
    moment = now()
    places = _places().find({"key": key}, {"number": 1, "job": 1, "until": 1})
    return [place for place in places if place["until"] is None or place["until"] > moment]


def _places() -> MongoCollection[dict[str, Any]]:
    return database()["limit_holders"]


def _id(key: str, number: int) -> str:
    return f"{key}#{number}"
