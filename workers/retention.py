"""Forgets jobs that ended long ago."""

from __future__ import annotations

import logging
from datetime import timedelta

from ..models.database import now
from ..models.job import Job
from ..models.states import TERMINAL

log = logging.getLogger(__name__)

#: Jobs that are forgotten in one go.
AT_ONCE = 500


def forget_old_jobs(days: float) -> int:
    """Delete jobs that ended so many days ago and have nothing left to be done; 0 days keeps all.

    Returns:
        How many were deleted; AT_ONCE means that there may be more.
    """
    if not days:
        return 0
    collection = Job._get_collection()
    old = collection.find(
        {
            "finished": {"$lt": now() - timedelta(days=days)},
            "status": {"$in": sorted(str(status) for status in TERMINAL)},
            "ring_at": None,
        },
        {"_id": 1},
    ).limit(AT_ONCE)
    ids = [row["_id"] for row in old]
    if ids:
        collection.delete_many({"_id": {"$in": ids}})
        log.info(
            f"Forgot {len(ids)} jobs of more than {days:g} days ago.", extra={"action": "forgot"}
        )
    return len(ids)
