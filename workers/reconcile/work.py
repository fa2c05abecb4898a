"""What a pass works on: one cluster's jobs as they are known now, and what comes of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...models.job import Job
from ...models.lease import Lease
from ...models.lifecycle import Move, advance_all
from ...models.resources import Engine
from ...models.states import ON_CLUSTER, JobStatus
from ..bus import Event
from ..events import status_event
from ..fleet import Fleet

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Pass:
    """One pass under way: the jobs as they are known now, by id."""

    fleet: Fleet
    lease: Lease
    engine: Engine
    jobs: dict[str, Job]
    #: When the cluster was looked at in this pass.
    swept_at: datetime | None = None
    #: How long to leave the cluster alone: it takes no steps for now.
    rest: timedelta | None = None
    #: How many steps one call may add, where a batch was refused; None: as many as EMR takes.
    batch_limit: int | None = None
    #: What the jobs that wait for a slot wait for, in words.
    note: str | None = None
    #: YARN applications that killed jobs have left behind, by the job; none where a step stops them already.
    lingering: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def with_status(self, *statuses: JobStatus) -> list[Job]:
        """The pass's jobs that are in one of the statuses."""
        return [job for job in self.jobs.values() if job.status in statuses]

    def on_cluster(self) -> list[Job]:
        """The pass's jobs of which the cluster has a step, or may have one."""
        return [
            job
            for job in self.jobs.values()
            if job.status is not JobStatus.ACCEPTED or job.doubted_since
        ]

    def move(self, moves: list[Move]) -> list[Job]:
        """Make the moves, in MongoDB and in this pass; returns the jobs that moved."""
        moved = []
        for move in advance_all(moves, worker=self.fleet.worker):
            job = self.jobs[move.job_id]
            job.status = move.after
            moved.append(job)
            extra = {
                "action": "moved",
                "job_id": job.id,
                "tag_group": job.tag_group,
                "status": str(move.after),
            }
            log.info(move.message, extra=extra)
            if move.after not in ON_CLUSTER:
                # Another stage owns it now.
                del self.jobs[move.job_id]
            else:
                for name, value in move.also.items():
                    setattr(job, name, value)
            if move.after.is_terminal:
                self.ended.append(job.id)
            elif move.after is JobStatus.RUNNING:
                self.events.append(status_event(job.id, move.before, move.after))
        return moved
