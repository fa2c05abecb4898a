"""Stops what must stop: kills that somebody asked for, and jobs that ran out of time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from ...models.database import now
from ...models.job import Job, KillRequest
from ...models.lifecycle import Move
from ...models.states import JobStatus
from .work import Pass

log = logging.getLogger(__name__)

#: How long an interrupted step may take to end before it is killed.
GRACE = timedelta(seconds=30)


def stop(this: Pass) -> None:
    """End queued jobs at once; ask the cluster to end the steps of the others.

    A running job is KILLED only when a later pass sees that its step has ended.
    """
    moment = now()
    for job in this.with_status(JobStatus.RUNNING):
        if _is_overdue(job, moment):
            _ask(job, f"ran longer than its timeout of {job.timeout} s", moment)
    this.move([_end_queued(job) for job in this.with_status(JobStatus.ACCEPTED) if job.kill])
    on_cluster = [job for job in this.with_status(JobStatus.INIT, JobStatus.RUNNING) if job.kill]
    _cancel(this, [job for job in on_cluster if not _sent(job)], hard=False)
    _cancel(
        this,
        [job for job in on_cluster if (sent := _sent(job)) and moment - sent > GRACE],
        hard=True,
    )


def _cancel(this: Pass, jobs: list[Job], *, hard: bool) -> None:
    if not jobs:
        return
    refused = this.fleet.engine.cancel(this.engine, [str(job.step_id) for job in jobs], hard=hard)
    for job in jobs:
        reason = refused.get(str(job.step_id))
        text = (
            f"EMR does not cancel step {job.step_id}: {reason}"
            if reason
            else f"Asked EMR to cancel step {job.step_id}."
        )
        log.info(text, extra={"action": "cancel", "job_id": job.id, "tag_group": job.tag_group})
    Job.objects(id__in=[job.id for job in jobs]).update(set__kill__sent=now())


def _ask(job: Job, reason: str, moment: datetime) -> None:
    Job.objects(id=job.id, kill__exists=False).update_one(
        set__kill=KillRequest(reason=reason, time=moment)
    )
    job.kill = KillRequest(reason=reason, time=moment)


def _is_overdue(job: Job, moment: datetime) -> bool:
    if not job.started or not job.timeout or job.kill:
        return False
    return moment > job.started + timedelta(seconds=job.timeout)


def _sent(job: Job) -> datetime | None:
    return job.kill.sent if job.kill else None


def _end_queued(job: Job) -> Move:
    assert job.kill
    return Move(
        job_id=job.id,
        before=JobStatus.ACCEPTED,
        after=JobStatus.KILLED,
        message=f"Killed before it was submitted: {job.kill.reason}",
    )
