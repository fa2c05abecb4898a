"""The pass itself: take the cluster's lease, then follow, stop and submit, each for all its jobs at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from ...models import jobs
from ...models import lease as leases
from ...models.database import now
from ...models.errors import LeaseLost
from ...models.lease import Lease
from ...models.resources import Engine
from ...models.states import JobStatus
from ...monitoring import recorder
from ...monitoring.logs import log_context
from ..batches import in_batches
from ..engines.base import ClusterGone, Throttled, Unanswered
from ..fleet import Fleet
from . import follow, leave, stop, submit
from .work import Pass

log = logging.getLogger(__name__)

#: Of jobs that ended, as many share one message to `finish`.
FINISH_BATCH = 25


def reconcile(fleet: Fleet, emr_cluster_id: str) -> None:
    """Bring one cluster and its jobs together; returns at once when another worker is at it."""
    with log_context(cluster=emr_cluster_id):
        lease = leases.acquire(emr_cluster_id, fleet.worker, fleet.settings.lease_seconds)
        if lease is None:
            return
        this = _begin(fleet, lease, emr_cluster_id)
        try:
            with recorder.pass_time():
                _pass(this)
        except LeaseLost as error:
            log.warning(str(error), extra={"action": "lease-lost"})
        finally:
            rest_until = now() + this.rest if this.rest else None
            lease.release(
                swept_at=this.swept_at,
                rest_until=rest_until,
                note=this.note,
                batch_limit=this.batch_limit,
            )


def _begin(fleet: Fleet, lease: Lease, emr_cluster_id: str) -> Pass:
    found = {job.id: job for job in jobs.open_on(emr_cluster_id)}
    newest = max(found.values(), key=lambda job: job.created, default=None)
    engine = (
        newest.engine.value() if newest and newest.engine else Engine(cluster_id=emr_cluster_id)
    )
    return Pass(fleet, lease, engine, found, batch_limit=lease.batch_limit)


def _pass(this: Pass) -> None:
    """Follow, stop, send away, submit; each goes on where another gets no answer from EMR."""
    try:
        if _sweep_is_due(this):
            began = now()
            answered = _try(follow.follow, this)
            this.swept_at = began if answered else _as_good_as_swept(this, began)
        _try(stop.stop, this)
        leave.leave(this)
        _try(submit.submit, this)
        if this.swept_at is None and this.lease.swept_at is None and this.jobs:
            # Nothing was there to look at before; what was just submitted needs its time.
            this.swept_at = now()
    finally:
        _tell(this)


def _try(part: Callable[[Pass], None], this: Pass) -> bool:
    """Whether EMR gave an answer."""
    try:
        part(this)
    except (Throttled, Unanswered, ClusterGone) as error:
        # Of the jobs, this says nothing: the next pass asks again.
        log.warning(f"EMR gave no answer: {error}", extra={"action": "unanswered"})
        return False
    return True


def _as_good_as_swept(this: Pass, began: datetime) -> datetime:
    """When the last look would have been, for the next one to come after the short pause, not the long one."""
    settings = this.fleet.settings
    early = max(0.0, settings.pause_between_sweeps - settings.sweep_seconds)
    return began - timedelta(seconds=early)


def _sweep_is_due(this: Pass) -> bool:
    followed = this.on_cluster()
    if not followed:
        return False
    settings = this.fleet.settings
    # Of what is in doubt, or must end, no event says enough.
    urgent = any(job.status is JobStatus.CLAIMED or job.kill for job in followed)
    pause = timedelta(seconds=settings.sweep_seconds if urgent else settings.pause_between_sweeps)
    return this.lease.swept_at is None or now() - this.lease.swept_at >= pause


def _tell(this: Pass) -> None:
    """Send what the pass brought about; where it is lost, the clock rings for the job later."""
    if this.events:
        this.fleet.bus.tell(this.events)
    for batch in in_batches(this.ended, FINISH_BATCH):
        this.fleet.bus.ring("finish", list(batch))
