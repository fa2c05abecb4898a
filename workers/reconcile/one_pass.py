"""The pass itself: take the cluster's lease, then follow, stop and submit, each for all its jobs at once."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from ...models import jobs
from ...models import lease as leases
from ...models.database import now
from ...models.errors import LeaseLost
from ...models.lease import Lease
from ...models.states import JobStatus
from ...monitoring import recorder
from ...monitoring.logs import log_context
from ..batches import in_batches
from ..engines.base import ClusterGone, Throttled, Unanswered
from ..fleet import Fleet
from . import follow, stop, submit
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
        swept_at = None
        try:
            with recorder.pass_time():
                swept_at = _pass(fleet, lease, emr_cluster_id)
        except LeaseLost as error:
            log.warning(str(error), extra={"action": "lease-lost"})
        finally:
            lease.release(swept_at=swept_at)


def _pass(fleet: Fleet, lease: Lease, emr_cluster_id: str) -> datetime | None:
    found = {job.id: job for job in jobs.open_on(emr_cluster_id)}
    if not found:
        return None
    newest = max(found.values(), key=lambda job: job.created)
    assert newest.engine  # every routed job has one
    this = Pass(fleet, lease, newest.engine.value(), found)
    swept_at = None
    try:
        if _sweep_is_due(this):
            swept_at = now()
            follow.follow(this)
        stop.stop(this)
        submit.submit(this)
        if swept_at is None and lease.swept_at is None:
            # Nothing was there to look at before; what was just submitted needs its time.
            swept_at = now()
    except (Throttled, Unanswered, ClusterGone) as error:
        # Of the jobs, this says nothing: the next pass asks again.
        log.warning(f"EMR gave no answer: {error}", extra={"action": "unanswered"})
    finally:
        _tell(this)
    return swept_at


def _sweep_is_due(this: Pass) -> bool:
    if not this.with_status(JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING):
        return False
    pause = timedelta(seconds=this.fleet.settings.sweep_seconds)
    return this.lease.swept_at is None or now() - this.lease.swept_at >= pause


def _tell(this: Pass) -> None:
    """Send what the pass brought about; where it is lost, the clock rings for the job later."""
    if this.events:
        this.fleet.bus.tell(this.events)
    for batch in in_batches(this.ended, FINISH_BATCH):
        this.fleet.bus.ring("finish", list(batch))
