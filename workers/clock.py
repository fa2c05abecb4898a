"""Rings for what waits: one worker of the fleet, the leader by a lease, looks every second."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from ..models import catalog, limit_holders, rule_sets
from ..models import lease as leases
from ..models import waiting as waiting_for
from ..models.database import now
from ..models.errors import Retryable
from ..models.job import Job
from ..models.lease import Lease, LeaseState
from ..models.states import ON_CLUSTER, JobStatus
from ..monitoring import recorder
from . import limits
from .batches import in_batches
from .canary_guard import guard
from .cluster_work import Work, clusters_with_work, most_steps
from .fleet import Fleet
from .retention import forget_old_jobs

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0

#: How long the leader leads after its last tick; another takes over then.
LEASE_SECONDS = 10.0

#: A cluster that was rung for, and at which no pass is seen, is not rung for again before this: its
#: message waits in the queue.
RING_AGAIN = timedelta(seconds=10)

#: The pause after which a job is rung for again; doubled each time, up to a quarter of an hour.
FIRST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=15)

#: Jobs that are rung for in one tick, and those that share one message.
JOBS_A_TICK = 500
JOBS_A_MESSAGE = 10

#: How often it is looked for places of limits that nobody holds any more, in seconds.
LIMITS_SECONDS = 10.0

#: How often it is looked how the jobs of canaries end, in seconds.
CANARY_SECONDS = 5.0

#: How often old jobs are looked for, in seconds.
RETENTION_SECONDS = 600.0


class Clock:
    """Ticks in a thread of its own until it is stopped; only the leader's ticks do anything."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self._lease: Lease | None = None
        #: For each cluster that was rung for: when, and the epoch of its lease then.
        self._rung: dict[str, tuple[datetime, int]] = {}
        #: The catalog's version that those who wait for a cluster have seen.
        self._catalog: int | None = None
        #: Clusters that have not been rung for since the catalog changed.
        self._concerned: set[str] = set()
        self._forgot_at = 0.0
        self._limits_looked_at = self._canaries_looked_at = 0.0

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
            self._lease = leases.acquire(leases.CLOCK, self._fleet.worker, LEASE_SECONDS)
            # What the leader before this one has seen of the catalog is not known.
            self._catalog = None
        recorder.record_leader(self._lease is not None)
        return self._lease is not None

    def tick(self) -> None:
        """Ring for each cluster that has something to do, and for each job that was left behind."""
        work = clusters_with_work()
        self._look_at_catalog(work)
        seen = leases.look(list(work)) if work else {}
        self._rung = {name: rung for name, rung in self._rung.items() if name in work}
        moment = now()
        for name, each in work.items():
            state = seen.get(name, leases.NEVER_HELD)
            if (
                name in self._concerned or self._is_due(each, state, moment)
            ) and self._ring_for_cluster(name, state, moment):
                self._concerned.discard(name)
        self._let_in()
        self._guard_canaries()
        self._ring_for_jobs(seen)
        self._forget()

    def _look_at_catalog(self, work: Mapping[str, Work]) -> None:
        """Where it has changed, there may be a cluster for who waits for one, and none for others."""
        version = catalog.catalog_version()
        self._concerned &= work.keys()
        if version != self._catalog:
            _wake_those_without_cluster()
            self._concerned |= {name for name, each in work.items() if each.ready}
            self._catalog = version

    def _ring_for_cluster(self, name: str, state: LeaseState, moment: datetime) -> bool:
        """Ring, unless a pass is under way there or the last ring is still in the queue."""
        rung_at, epoch = self._rung.get(name, (None, 0))
        waits = rung_at is not None and epoch == state.epoch and moment - rung_at < RING_AGAIN
        if state.held or waits:
            return False
        self._rung[name] = (moment, state.epoch)
        self._fleet.bus.ring("reconcile", name)
        return True

    def _is_due(self, work: Work, state: LeaseState, moment: datetime) -> bool:
        settings = self._fleet.settings
        has_slots = work.followed < most_steps(work.step_concurrency, settings)
        if (
            work.ready
            and has_slots
            and not (state.rest_until and moment < state.rest_until)
            and moment - work.ready >= timedelta(seconds=settings.batch_seconds)
        ):
            return True
        pause = settings.sweep_seconds if work.urgent else settings.pause_between_sweeps
        return work.followed > 0 and (
            state.swept_at is None or moment - state.swept_at >= timedelta(seconds=pause)
        )

    def _ring_for_jobs(self, seen: Mapping[str, LeaseState]) -> None:
        moment = now()
        due = list(
            Job.objects(ring_at__lte=moment)
            .only("id", "status", "rings", "emr_cluster_id")
            .limit(JOBS_A_TICK)
        )
        by_actor: dict[str, list[Job]] = defaultdict(list)
        for job in due:
            if job.status in ON_CLUSTER:
                by_actor[str(job.emr_cluster_id)].append(job)
            else:
                by_actor["finish" if job.status.is_terminal else "take_on"].append(job)
        rung = []
        for actor, jobs in by_actor.items():
            if actor in ("finish", "take_on") or self._ring_for_cluster(
                actor, seen.get(actor, leases.NEVER_HELD), moment
            ):
                rung += jobs
        _put_off(rung, moment)
        for actor in ("take_on", "finish"):
            for batch in in_batches(by_actor[actor], JOBS_A_MESSAGE):
                self._fleet.bus.ring(actor, [job.id for job in batch])

    def _let_in(self) -> None:
        """Where a limit has room again, wake as many as it has room for, in their order."""
        if time.monotonic() - self._limits_looked_at > LIMITS_SECONDS:
            limit_holders.drop_stale()
            self._limits_looked_at = time.monotonic()
        held = Job.objects(status=JobStatus.RESERVED, held_by__exists=True).distinct("held_by")
        for held_by in held:
            waiting = waiting_for.held_jobs(held_by)
            room = (
                limits.room_of(waiting[0].id, held_by, self._fleet.rules.now().rules)
                if waiting
                else 0
            )
            _wake([job.id for job in waiting[:room]])

    def _guard_canaries(self) -> None:
        if time.monotonic() - self._canaries_looked_at > CANARY_SECONDS:
            guard(self._fleet.rules.now(), self._fleet.catalog.snapshot())
            watched = rule_sets.watch_report()
            recorder.record_rules_watch(failed=bool(watched and watched.problem))
            self._canaries_looked_at = time.monotonic()

    def _forget(self) -> None:
        if time.monotonic() - self._forgot_at > RETENTION_SECONDS:
            forgotten = forget_old_jobs(self._fleet.settings.retention_days)
            # As long as there are any, each tick takes some.
            self._forgot_at = 0.0 if forgotten else time.monotonic()


def _wake_those_without_cluster() -> None:
    """The catalog has changed: there may be a cluster for them now."""
    Job.objects(status=JobStatus.RESERVED, queue_reason__exists=True, held_by__exists=False).update(
        set__ring_at=now()
    )


def _wake(job_ids: list[str]) -> None:
    if job_ids:
        Job.objects(id__in=job_ids, status=JobStatus.RESERVED).update(set__ring_at=now())


def _put_off(jobs: list[Job], moment: datetime) -> None:
    """Ring again later, if nobody moves them: the message may be lost, or its worker."""
    updates = []
    for job in jobs:
        first = RING_AGAIN if job.status in ON_CLUSTER else FIRST_PAUSE
        pause = min(LONGEST_PAUSE, first * 2 ** min(job.rings, 10))
        updates.append(
            UpdateOne(
                {"_id": job.id, "status": str(job.status)},
                {"$set": {"ring_at": moment + pause}, "$inc": {"rings": 1}},
            )
        )
    if updates:
        Job._get_collection().bulk_write(updates, ordered=False)
