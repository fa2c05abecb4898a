"""Where jobs stand, without all else that is known of them: for whoever asks about thousands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .job import Job
from .states import JobStatus

#: How many ids one query names.
_BATCH: Final = 1_000

_FIELDS: Final = ("status", "status_message", "updated", "finished", "exit_code")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """Where a job stands."""

    id: str
    status: JobStatus
    message: str
    updated: datetime
    #: None while it has not ended.
    finished: datetime | None
    exit_code: int | None


def states_of(job_ids: Sequence[str]) -> Iterator[JobState]:
    """Where the jobs of these ids stand, in any order; an unknown id is left out."""
    collection = Job._get_collection()
    for begin in range(0, len(job_ids), _BATCH):
        batch = list(job_ids[begin : begin + _BATCH])
        for row in collection.find({"_id": {"$in": batch}}, dict.fromkeys(_FIELDS, 1)):
            yield JobState(
                id=row["_id"],
                status=JobStatus(row["status"]),
                message=row["status_message"],
                updated=row["updated"],
                finished=row.get("finished"),
                exit_code=row.get("exit_code"),
            )
