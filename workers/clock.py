"""Rings for what waits: one worker of the fleet, the leader by a lease, looks every second."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo.errors import PyMongoError

from ..models import lease as leases
from ..models.database import now
from ..models.errors import Retryable
from ..models.job import Job
from ..models.lease import Lease, LeaseState
from ..models.states import ON_CLUSTER, JobStatus
from ..monitoring import recorder
from .fleet import Fleet

log = logging.getLogger(__name__)

#: The name of the leader's lease.
CLOCK = "clock"

TICK_SECONDS = 1.0

#: How long the leader leads after its last tick; another takes over then.
LEASE_SECONDS = 10.0

#: A cluster that was rung for, and at which no pass is seen, is not rung for again before this: its
#: message waits in the queue.
RING_AGAIN = timedelta(seconds=10)

#: The pause after which a job is rung for again; doubled each time, up to a quarter of an hour.
FIRST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=15)

#: Jobs that are rung for in one tick.
JOBS_A_TICK = 200


@dataclass(slots=True)
class Work:
    """What is open on one cluster."""

    #: Since when the job waits that has waited longest for a slot.
    ready: datetime | None = None
    #: Jobs that the cluster has, or may have.
    followed: int = 0
    step_concurrency: int = 1
    #: Whether a kill was asked for and not sent on yet.
    must_stop: bool = False


class Clock:
    """Ticks in a thread of its own until it is stopped; only the leader's ticks do anything."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self._lease: Lease | None = None
        #: For each cluster that was rung for: when, and the epoch of its lease then.
        self._rung: dict[str, tuple[datetime, int]] = {}

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """End after the tick that is under way, and let another worker lead."""
        self._stopping.set()
        self._thread.join()
        if self._lease:
            with suppress(PyMongoError):  # it runs out by itself
                self._lease.release()

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                if self._leads():
                    self.tick()
                    recorder.record_tick()
            except (Retryable, PyMongoError) as error:
                log.warning(f"The clock missed a tick: {error}", extra={"action": "tick-missed"})
            except Exception:  # one bad tick must not stop the fleet's clock for good
                log.exception("The clock missed a tick.", extra={"action": "tick-missed"})

    def _leads(self) -> bool:
        if self._lease:
            try:
                self._lease.check(LEASE_SECONDS)
            except Retryable:
                self._lease = None
        if not self._lease:
            self._lease = leases.acquire(CLOCK, self._fleet.worker, LEASE_SECONDS)
        recorder.record_leader(self._lease is not None)
        return self._lease is not None

    def tick(self) -> None:
        """Ring for each cluster that has something to do, and for each job that was left behind."""
        self._ring_for_clusters()
        self._ring_for_jobs()

    def _ring_for_clusters(self) -> None:
        waiting = _clusters_with_work()
        seen = leases.look(list(waiting)) if waiting else {}
        moment = now()
        self._rung = {name: rung for name, rung in self._rung.items() if name in waiting}
        for name, work in waiting.items():
            state = seen.get(name, leases.NEVER_HELD)
            if (
                not state.held
                and self._is_due(work, state, moment)
                and not self._waits(name, state, moment)
            ):
                self._rung[name] = (moment, state.epoch)
                self._fleet.bus.ring("reconcile", name)

    def _is_due(self, work: Work, state: LeaseState, moment: datetime) -> bool:
        settings = self._fleet.settings
        if work.must_stop:
            return True
        has_slots = work.followed < work.step_concurrency + settings.look_ahead
        if (
            work.ready
            and has_slots
            and not (state.rest_until and moment < state.rest_until)
            and moment - work.ready >= timedelta(seconds=settings.batch_seconds)
        ):
            return True
        pause = timedelta(seconds=settings.sweep_seconds)
        return work.followed > 0 and (state.swept_at is None or moment - state.swept_at >= pause)

    def _waits(self, name: str, state: LeaseState, moment: datetime) -> bool:
        """Whether the last ring is still in the queue: nobody took the lease since."""
        rung_at, epoch = self._rung.get(name, (None, 0))
        return rung_at is not None and epoch == state.epoch and moment - rung_at < RING_AGAIN

    def _ring_for_jobs(self) -> None:
        moment = now()
        left_behind = list(
            Job.objects(ring_at__lte=moment).only("id", "status", "rings").limit(JOBS_A_TICK)
        )
        by_actor: dict[str, list[str]] = defaultdict(list)
        for job in left_behind:
            by_actor["finish" if job.status.is_terminal else "take_on"].append(job.id)
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(job.rings, 10))
            Job.objects(id=job.id, status=job.status).update_one(
                set__ring_at=moment + pause, inc__rings=1
            )
        for actor, job_ids in by_actor.items():
            for job_id in job_ids:
                self._fleet.bus.ring(actor, [job_id])


def _clusters_with_work() -> dict[str, Work]:
    grouped = Job._get_collection().aggregate(
        [
            {"$match": {"status": {"$in": [str(status) for status in ON_CLUSTER]}}},
            {
                "$group": {
                    "_id": {"cluster": "$emr_cluster_id", "status": "$status"},
                    "oldest": {"$min": "$updated"},
                    "killed": {"$max": "$kill.time"},
                    "sent": {"$max": "$kill.sent"},
                    "step_concurrency": {"$max": "$engine.step_concurrency"},
                    "count": {"$sum": 1},
                }
            },
        ]
    )
    found: dict[str, Work] = defaultdict(Work)
    for row in grouped:
        work = found[row["_id"]["cluster"]]
        if row["_id"]["status"] == JobStatus.ACCEPTED:
            work.ready = row["oldest"]
        else:
            work.followed += row["count"]
        work.step_concurrency = max(work.step_concurrency, row["step_concurrency"] or 1)
        work.must_stop |= bool(row["killed"] and (not row["sent"] or row["killed"] > row["sent"]))
    return found
