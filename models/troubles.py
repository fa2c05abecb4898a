"""What goes wrong again and again, and is not to be said each time."""

from __future__ import annotations

from datetime import timedelta

from .database import database, now

#: For how long a trouble is known once it was noted.
KNOWN_FOR = timedelta(days=1)


def is_known(trouble: str) -> bool:
    """Whether it was noted within the last day, by any process of the fleet."""
    found = database()["troubles"].find_one({"_id": trouble})
    return bool(found and now() - found["time"] < KNOWN_FOR)


def note(trouble: str) -> None:
    """Note that it happened, and was said."""
    database()["troubles"].update_one({"_id": trouble}, {"$set": {"time": now()}}, upsert=True)
