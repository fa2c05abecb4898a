"""Stops what must stop on the cluster: kills that somebody asked for, and jobs that ran out of time."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from ...models.database import now
from ...models.job import Job, KillRequest
from ...models.states import JobStatus
from ..engines.base import (
    ClusterFull,
    ClusterGone,
    Deadline,
    OutcomeUnknown,
    StepSpec,
    StepsRefused,
)
from ..steps import COMMAND_RUNNER
from .work import Pass

log = logging.getLogger(__name__)

#: How long an interrupted step may take to end before it is killed, and a killed one before it is
#: killed again.
GRACE = timedelta(seconds=30)

#: How long after the check of the lease the call may leave this process.
HESITATION_SECONDS = 5.0


def stop(this: Pass) -> None:
    """Ask the cluster to end steps: by an interrupt first, then for good, then their applications.

    A job is KILLED only when a later look sees that its step has ended, and its applications with it.
    """
    moment = now()
    for job in this.with_status(JobStatus.INIT, JobStatus.RUNNING):
        if reason := _out_of_time(job, moment):
            _ask(job, reason, moment)
    lingering = this.lingering
    killed = [
        job
        for job in this.with_status(JobStatus.INIT, JobStatus.RUNNING)
        if job.kill and job.id not in lingering
    ]
    _cancel(this, [job for job in killed if not _kill(job).sent], hard=False)
    _cancel(this, [job for job in killed if _has_ignored(job, moment)], hard=True)
    for job_id, application_ids in lingering.items():
        if application_ids:
            _stop_applications(this, this.jobs[job_id], application_ids)


def _cancel(this: Pass, jobs: list[Job], *, hard: bool) -> None:
    if not jobs:
        return
    steps = {step_id: job for job in jobs for step_id in (str(job.step_id), *job.other_steps)}
    refused = this.fleet.engine.cancel(this.engine, list(steps), hard=hard)
    for step_id, job in steps.items():
        how = "kill" if hard else "interrupt"
        reason = refused.get(step_id)
        text = (
            f"EMR does not cancel step {step_id}: {reason}"
            if reason
            else f"Asked EMR to {how} step {step_id}."
        )
        log.info(text, extra={"action": "cancel", "job_id": job.id, "tag_group": job.tag_group})
    moment = now()
    # Not of those that an event has ended since.
    on_cluster = Job.objects(
        id__in=[job.id for job in jobs],
        status__in=[str(JobStatus.INIT), str(JobStatus.RUNNING)],
        kill__exists=True,
    )
    on_cluster.update(set__kill__sent=moment, set__kill__hard=hard, set__ring_at=moment + GRACE)


def _stop_applications(this: Pass, job: Job, application_ids: Iterable[str]) -> None:
    """Add a step that stops what the job's own step has left on YARN; added again until one has done so."""
    kills = "; ".join(f"yarn application -kill {each} || failed=1" for each in application_ids)
    step = StepSpec(
        name=f"tagfleet stops the applications of {job.step_id}",
        jar=COMMAND_RUNNER,
        arguments=("bash", "-c", f"failed=0; {kills}; exit $failed"),
    )
    this.fleet.engine.admit(this.engine)
    Job.objects(id=job.id).update_one(inc__kill__yarn_tries=1)
    this.lease.check(this.fleet.engine.submit_seconds + HESITATION_SECONDS)
    try:
        found = this.fleet.engine.submit(this.engine, [step], Deadline.of(HESITATION_SECONDS))
    except (ClusterGone, ClusterFull, StepsRefused, OutcomeUnknown) as error:
        # With the cluster its applications end; else the next look adds another one, which does no harm.
        log.warning(f"Cannot stop what {job.step_id} has left: {error}", extra={"action": "yarn"})
        return
    moment = now()
    Job.objects(id=job.id).update_one(
        set__kill__yarn_step_id=found[0], set__kill__sent=moment, set__ring_at=moment + GRACE
    )
    log.info(
        f"Step {found[0]} stops the YARN applications {', '.join(application_ids)}.",
        extra={"action": "yarn", "job_id": job.id, "tag_group": job.tag_group},
    )


def _out_of_time(job: Job, moment: datetime) -> str | None:
    if job.kill:
        return None
    if job.started and job.timeout and moment > job.started + timedelta(seconds=job.timeout):
        return f"ran longer than its timeout of {job.timeout} s"
    if job.status is JobStatus.INIT and job.queue_until and moment > job.queue_until:
        return f"waited longer than {job.queue_seconds:g} s and has not started"
    return None


def _ask(job: Job, reason: str, moment: datetime) -> None:
    same = Job.objects(id=job.id, status=job.status, attempt=job.attempt, kill__exists=False)
    same.update_one(set__kill=KillRequest(reason=reason, time=moment))
    job.kill = KillRequest(reason=reason, time=moment)


def _kill(job: Job) -> KillRequest:
    assert job.kill
    return job.kill


def _has_ignored(job: Job, moment: datetime) -> bool:
    sent = _kill(job).sent
    return sent is not None and moment - sent > GRACE
