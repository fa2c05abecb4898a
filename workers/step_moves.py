"""What a step's state means for its job; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from ..models.database import now
from ..models.job import Job
from ..models.lifecycle import Move
from ..models.states import JobStatus
from .engines.base import StepReport, StepState

#: What a step's state means for its job (contract, section 1). CANCELLED without our asking is a failure:
#: EMR cancels steps by itself when a cluster ends.
STATUS_OF: Final[dict[StepState, JobStatus]] = {
    StepState.PENDING: JobStatus.INIT,
    StepState.CANCEL_PENDING: JobStatus.INIT,
    # It is there: a claim is answered, and any other job is left as it is.
    StepState.UNKNOWN: JobStatus.INIT,
    StepState.RUNNING: JobStatus.RUNNING,
    StepState.COMPLETED: JobStatus.SUCCEEDED,
    StepState.FAILED: JobStatus.FAILED,
    StepState.INTERRUPTED: JobStatus.FAILED,
    StepState.CANCELLED: JobStatus.FAILED,
}

#: How often a job that says it is idempotent is run, the first time included.
MOST_ATTEMPTS: Final = 3


def claim_of(job: Job) -> Mapping[str, Any]:
    """What tells this claim of a job from a later one, by another worker."""
    return {"epoch": job.epoch, "claimed": job.claimed} if job.status is JobStatus.CLAIMED else {}


def unless_killed(job: Job) -> Mapping[str, Any]:
    """What keeps a move from overtaking a kill that was asked for since the job was read.

    The job stays where it is then, and the next look knows of the kill.
    """
    return {} if job.kill else {"kill": None}


def move_to(job: Job, report: StepReport, *, cluster_is_gone: bool = False) -> Move | None:
    """The move that the report calls for, or None: a job never moves back.

    Arguments:
        cluster_is_gone: The cluster has ended, so that it was not a person who cancelled the step.
    """
    after = STATUS_OF[report.state]
    if report.state is StepState.CANCEL_PENDING and report.started:
        after = JobStatus.RUNNING
    if after.is_terminal:
        lost = report.state is StepState.INTERRUPTED or (
            report.state is StepState.CANCELLED and cluster_is_gone
        )
        if lost and not job.kill and may_run_again(job):
            return run_again(
                job, report.failure or f"its cluster ended, step {report.step_id} with it"
            )
        return _end(job, report)
    if after is job.status or job.status is JobStatus.RUNNING:
        return None
    where = unless_killed(job) if after is JobStatus.RUNNING else {}
    message = f"Step {report.step_id} is {report.state}."
    return _move(job, after, message, _seen(job, report, after), **where)


def move_by_event(job: Job, report: StepReport) -> Move | None:
    """The move that one event calls for; None also where one step's end is not the whole story.

    The steps of a doubled job, what a kill leaves on the cluster, and whether the cluster itself has
    ended: for these, the sweep looks at the cluster.
    """
    if STATUS_OF[report.state].is_terminal and (
        job.kill
        or job.doubted_since
        or (report.state is StepState.CANCELLED and may_run_again(job))
    ):
        return None
    return move_to(job, report)


def merged(reports: Sequence[StepReport]) -> StepReport:
    """Of several steps with one job's name, the one that tells how the job does.

    Such a job was submitted again after its first submission seemed lost. One of its steps has the
    claim; any other stands down with exit code 0 (see staging/run.bash). So what is active goes before
    what has ended, a failure before a success, and a success before what never started.
    """

    def weight(report: StepReport) -> tuple[int, Any]:
        status = STATUS_OF[report.state]
        if not status.is_terminal:
            order = 0 if status is JobStatus.RUNNING else 1
        elif status is JobStatus.FAILED and report.started:
            order = 2
        else:
            order = 3 if status is JobStatus.SUCCEEDED else 4
        return order, report.created

    return min(reports, key=weight)


def may_run_again(job: Job) -> bool:
    """Whether the job may be run anew after its cluster was lost."""
    return bool(job.idempotent) and job.attempt < MOST_ATTEMPTS


def run_again(job: Job, cause: str) -> Move:
    """Route the job anew, as its next attempt; what became of this one is kept."""
    ended = {
        "number": job.attempt,
        "cluster_id": job.cluster_id,
        "step_id": job.step_id,
        "cause": cause,
        "ended": now(),
    }
    changes = route_again(job)
    changes |= {
        "attempt": job.attempt + 1,
        "attempts": [*(dict(each.to_mongo()) for each in job.attempts), ended],
    }
    message = f"Attempt {job.attempt} was lost: {cause}. The job is idempotent: routed anew."
    return _move(job, JobStatus.RESERVED, message, changes, **unless_killed(job))


def route_again(job: Job) -> dict[str, Any]:
    """The fields of a job that is to be routed anew: nothing is left of where it was."""
    moment = now()
    # None: taken out of the document.
    nothing = dict.fromkeys(
        (
            "step_id",
            "started",
            "engine",
            "emr_cluster_id",
            "claimed",
            "epoch",
            "doubted_since",
            "unseen_since",
            "look_at",
        ),
    )
    return nothing | {
        "other_steps": [],
        "ring_at": moment,
        "queue_until": moment + timedelta(seconds=job.queue_seconds),
    }


def _end(job: Job, report: StepReport) -> Move:
    after = STATUS_OF[report.state]
    also = _seen(job, report, after)
    message = f"Step {report.step_id} is {report.state}."
    if job.kill:
        # A kill that we asked for wins, whatever the step ended with.
        after, message = JobStatus.KILLED, f"Killed: {job.kill.reason}"
    elif after is JobStatus.FAILED:
        also["failure"] = report.failure
        why = report.failure or "EMR gives no reason"
        message = f"Step {report.step_id} ended {report.state}: {why}"
    if report.state is StepState.COMPLETED:
        also["exit_code"] = 0
    return _move(job, after, message, also, **unless_killed(job))


def _seen(job: Job, report: StepReport, after: JobStatus) -> dict[str, Any]:
    also: dict[str, Any] = {"step_id": report.step_id}
    if report.started:
        also["started"] = report.started
    if after is JobStatus.RUNNING and report.started and job.timeout and not job.kill:
        # The clock rings for the cluster when the job's time is up.
        also["ring_at"] = report.started + timedelta(seconds=job.timeout)
    return also


def _move(job: Job, after: JobStatus, message: str, also: Mapping[str, Any], **where: Any) -> Move:
    return Move(
        job_id=job.id,
        before=job.status,
        after=after,
        message=message,
        also=also,
        # A move that was decided long ago must not meet a later attempt, or another step.
        where={"attempt": job.attempt, "step_id": job.step_id, **claim_of(job), **where},
    )
