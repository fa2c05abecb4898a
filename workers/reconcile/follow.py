"""Reads back how the steps do, and adopts those whose submission never got an answer."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from ...models.database import now
from ...models.job import Job
from ...models.lifecycle import Move
from ...models.states import JobStatus
from ..engines.base import StepReport, StepState
from ..steps import step_name
from .work import Pass, claim_of

log = logging.getLogger(__name__)

#: How far this host's clock and EMR's may be apart.
#: AWS itself refuses calls of a host whose clock is more than 5 minutes off (SigV4).
CLOCK_SKEW = timedelta(minutes=10)

#: How much longer than the call itself can last a submission stays in doubt before its steps count as absent:
#: the worker that claimed it may have another clock than this one.
DOUBT_MARGIN = timedelta(seconds=60)

#: How long the moves of a pass may take to be written, in seconds.
WRITE_SECONDS = 10.0

#: What a step's state means for its job (contract, section 1). CANCELLED without our asking is a failure:
#: EMR cancels steps by itself when a cluster ends.
STATUS_OF: Final[dict[StepState, JobStatus]] = {
    StepState.PENDING: JobStatus.INIT,
    StepState.RUNNING: JobStatus.RUNNING,
    StepState.COMPLETED: JobStatus.SUCCEEDED,
    StepState.FAILED: JobStatus.FAILED,
    StepState.INTERRUPTED: JobStatus.FAILED,
    StepState.CANCELLED: JobStatus.FAILED,
}


def follow(this: Pass) -> None:
    """Bring the jobs that are on the cluster to where their steps are."""
    in_doubt = {step_name(job): job for job in this.with_status(JobStatus.CLAIMED)}
    known = {str(job.step_id): job for job in this.with_status(JobStatus.INIT, JobStatus.RUNNING)}
    # What is absent was absent when the listing began; the listing itself may take long.
    began = now()
    reports = _reports(this, set(in_doubt), set(known))
    moves = []
    for report in reports:
        job = known.get(report.step_id) or in_doubt.pop(report.name, None)
        if job and (move := move_to(job, report)):
            moves.append(move)
    moves += [_give_up(job) for job in in_doubt.values() if _provably_absent(this, job, began)]
    # What was read is old by now: it must not be written over what another holder has done since.
    this.lease.check(WRITE_SECONDS)
    this.move(moves)


def _reports(this: Pass, names: set[str], step_ids: set[str]) -> list[StepReport]:
    """What the cluster says of these steps; newest first, and no page more than it takes."""
    engine = this.fleet.engine
    waiting = this.with_status(JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING)
    oldest = min(job.claimed or job.created for job in waiting) - CLOCK_SKEW
    names, step_ids = set(names), set(step_ids)
    found = []
    for report in engine.reports(this.engine):
        if report.created < oldest:
            break
        if report.name in names or report.step_id in step_ids:
            found.append(report)
            # Ours by id goes before ours by name: an id is certain.
            step_ids.discard(report.step_id)
            names.discard(report.name)
            if not names and not step_ids:
                break
    if step_ids:
        # EMR lists only its newest 1,000 steps, or the clocks are further apart than we allow for.
        found += engine.reports_of(this.engine, sorted(step_ids))
        if unseen := step_ids - {report.step_id for report in found}:
            log.warning(
                f"EMR shows no step {', '.join(sorted(unseen))}; asked again later.",
                extra={"action": "unseen"},
            )
    return found


def move_to(job: Job, report: StepReport) -> Move | None:
    """The move that the report calls for, or None: a job never moves back."""
    also: dict[str, object] = {"step_id": report.step_id}
    if report.state is StepState.CANCEL_PENDING:
        after = JobStatus.RUNNING if report.started else JobStatus.INIT
    else:
        after = STATUS_OF[report.state]
    if report.started:
        also["started"] = report.started
    message = f"Step {report.step_id} is {report.state}."
    if after.is_terminal:
        if job.kill and after is not JobStatus.INVALID:
            # A kill that we asked for wins, whatever the step ended with.
            after, message = JobStatus.KILLED, f"Killed: {job.kill.reason}"
        elif after is JobStatus.FAILED:
            also["failure"] = report.failure
            message = f"Step {report.step_id} ended {report.state}: {report.failure or 'EMR gives no reason'}"
        if report.state is StepState.COMPLETED:
            also["exit_code"] = 0
    if after is job.status or (after is JobStatus.INIT and job.status is JobStatus.RUNNING):
        return None
    return Move(
        job_id=job.id,
        before=job.status,
        after=after,
        message=message,
        also=also,
        where=claim_of(job),
    )


def _provably_absent(this: Pass, job: Job, looked: datetime) -> bool:
    longest = timedelta(seconds=this.fleet.engine.submit_seconds) + DOUBT_MARGIN
    return job.claimed is not None and looked - job.claimed > longest


def _give_up(job: Job) -> Move:
    return Move(
        job_id=job.id,
        before=JobStatus.CLAIMED,
        after=JobStatus.ACCEPTED,
        message="Its submission never reached the cluster; waits for a slot again.",
        where=claim_of(job),
    )
