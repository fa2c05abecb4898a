"""What is open on each cluster, by one question to MongoDB."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from ..models.job import Job
from ..models.settings import Settings
from ..models.states import ON_CLUSTER, JobStatus

#: EMR allows 256 active steps, its own system steps included (AddMoreThan256Steps, EMR management guide).
MOST_ACTIVE_STEPS = 250


def most_steps(step_concurrency: int, settings: Settings) -> int:
    """How many steps a cluster is given: as many as it runs at once, and some, so that it never waits for us."""
    return min(MOST_ACTIVE_STEPS, step_concurrency + settings.look_ahead)


@dataclass(slots=True)
class Work:
    """What is open on one cluster."""

    #: Since when the job waits that has waited longest for a slot.
    ready: datetime | None = None
    #: Jobs that the cluster has, or may have.
    followed: int = 0
    step_concurrency: int = 1
    #: A submission is in doubt, or a step must end: no event says enough of it.
    urgent: bool = False


def clusters_with_work() -> dict[str, Work]:
    """The work of each cluster that has any, by EMR's id of the cluster."""
    grouped = Job._get_collection().aggregate(
        [
            {"$match": {"status": {"$in": [str(status) for status in ON_CLUSTER]}}},
            {
                "$group": {
                    "_id": {"cluster": "$emr_cluster_id", "status": "$status"},
                    "oldest": {"$min": "$updated"},
                    "killed": {"$max": "$kill.time"},
                    "step_concurrency": {"$max": "$engine.step_concurrency"},
                    "count": {"$sum": 1},
                }
            },
        ]
    )
    found: dict[str, Work] = defaultdict(Work)
    for row in grouped:
        work, status = found[row["_id"]["cluster"]], row["_id"]["status"]
        if status == JobStatus.ACCEPTED:
            work.ready = row["oldest"]
        else:
            work.followed += row["count"]
            work.urgent |= status == JobStatus.CLAIMED or bool(row["killed"])
        work.step_concurrency = max(work.step_concurrency, row["step_concurrency"] or 1)
    return dict(found)
