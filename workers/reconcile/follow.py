"""Reads back how the steps do, and adopts those whose submission never got an answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from ...models.job import Job, KillRequest
from ...models.lifecycle import Move
from ...models.states import JobStatus
from ..engines.base import StepReport, StepState, Throttled, Unanswered
from ..step_moves import STATUS_OF, claim_of, may_run_again, merged, move_to
from ..steps import step_name
from .look import Seen, ids_of, look
from .strays import Stray, stop_strays
from .work import Pass

log = logging.getLogger(__name__)

#: How much longer than the call itself can last a submission stays in doubt before its steps count as absent:
#: the worker that claimed it may have another clock than this one.
DOUBT_MARGIN = timedelta(seconds=60)

#: How long the moves of a pass may take to be written, in seconds.
WRITE_SECONDS = 10.0

#: After how long a killed step that EMR does not show any more counts as ended.
UNSEEN_LIMIT = timedelta(minutes=10)

#: How many steps are added to stop the YARN applications of a killed job.
YARN_TRIES = 3


def follow(this: Pass) -> None:
    """Bring the jobs that are on the cluster to where their steps are."""
    seen = look(this)
    followed = this.with_status(JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING)
    reports = {job.id: found for job in followed if (found := seen.of(job))}
    gone = _is_gone(this, reports)
    moves = [_adopt(job, this.lease.epoch, found[0]) for job, found in _forgotten(this, seen)]
    for job in followed:
        if job.id in reports:
            moves += _moves(this, job, reports[job.id], seen, gone=gone)
        elif job.status is JobStatus.CLAIMED and _provably_absent(this, job, seen.began):
            moves.append(_give_up(job))
        elif job.kill and job.unseen_since and seen.began - job.unseen_since > UNSEEN_LIMIT:
            moves.append(_end_unseen(job))
    # What was read is old by now: it must not be written over what another holder has done since.
    this.lease.check(WRITE_SECONDS)
    this.move(moves)
    stop_strays(this, list(_strays(this, seen)))


def _moves(
    this: Pass, job: Job, reports: list[StepReport], seen: Seen, *, gone: bool | None
) -> Iterator[Move]:
    report = merged(reports)
    others = sorted(each.step_id for each in reports if each is not report)
    if others != sorted(job.other_steps):
        _note_doubled(job, others)
    if gone is None and _depends_on_the_cluster(job, report):
        return  # asked again at the next look
    left_behind = () if gone else _applications_left(job, report, seen)
    if left_behind and _kill_of(job).yarn_tries < YARN_TRIES:
        this.lingering[job.id] = left_behind
    elif _is_being_stopped(job, seen):
        this.lingering[job.id] = ()
    elif move := move_to(job, report, cluster_is_gone=bool(gone)):
        still = f" YARN may still run {', '.join(left_behind)}." if left_behind else ""
        yield replace(move, message=move.message + still)


def _note_doubled(job: Job, others: list[str]) -> None:
    """Events must not end the job from now on: see step_moves.move_by_event."""
    log.error(
        f"Steps {', '.join(others)} bear this job's name too; one of them all runs it.",
        extra={"action": "doubled", "job_id": job.id, "tag_group": job.tag_group},
    )
    job.other_steps = others
    job.doubted_since = job.doubted_since or job.claimed or job.created
    Job.objects(id=job.id).update_one(set__other_steps=others, set__doubted_since=job.doubted_since)


def _may_leave_applications(job: Job, report: StepReport) -> bool:
    """Whether a killed step may have left YARN applications that run on.

    CancelSteps ends the step's own process; in cluster deploy mode its application is another one
    (EMR management guide, "Considerations when cancelling steps").
    """
    was_stopped = report.state in (StepState.CANCELLED, StepState.FAILED)
    return bool(job.kill and was_stopped and report.application_ids)


def _applications_left(job: Job, report: StepReport, seen: Seen) -> tuple[str, ...]:
    """The applications for which another step is to be added."""
    if not _may_leave_applications(job, report) or _is_being_stopped(job, seen):
        return ()
    stopping = seen.by_id.get(str(_kill_of(job).yarn_step_id))
    was_done = stopping is not None and stopping.state is StepState.COMPLETED
    return () if was_done else report.application_ids


def _is_being_stopped(job: Job, seen: Seen) -> bool:
    """Whether the step that stops its applications is under way."""
    stopping = seen.by_id.get(str(job.kill and job.kill.yarn_step_id))
    return stopping is not None and not STATUS_OF[stopping.state].is_terminal


def _kill_of(job: Job) -> KillRequest:
    assert job.kill
    return job.kill


def _end_unseen(job: Job) -> Move:
    return Move(
        job_id=job.id,
        before=job.status,
        after=JobStatus.KILLED,
        message=f"Killed: {_kill_of(job).reason}. EMR no longer shows step {job.step_id}.",
        where={"attempt": job.attempt, "step_id": job.step_id},
    )


def _is_gone(this: Pass, reports: dict[str, list[StepReport]]) -> bool | None:
    """Whether the cluster has ended; asked only where it makes a difference. None: no answer."""
    ended = ((this.jobs[job_id], merged(found)) for job_id, found in reports.items())
    if not any(_depends_on_the_cluster(job, report) for job, report in ended):
        return False
    try:
        return this.fleet.engine.has_ended(this.engine)
    except (Throttled, Unanswered) as error:
        # The other jobs move all the same.
        log.warning(
            f"Not known whether the cluster has ended: {error}", extra={"action": "unanswered"}
        )
        return None


def _depends_on_the_cluster(job: Job, report: StepReport) -> bool:
    if job.kill:
        return _may_leave_applications(job, report)
    return report.state is StepState.CANCELLED and may_run_again(job)


def _forgotten(this: Pass, seen: Seen) -> Iterator[tuple[Job, list[StepReport]]]:
    """Jobs that wait for a slot, though the cluster has a step of theirs.

    A submission that seemed lost arrived after all; or the database was restored to what it was before.
    """
    for job in this.with_status(JobStatus.ACCEPTED):
        if found := seen.by_name.get(step_name(job)):
            yield job, found


def _adopt(job: Job, epoch: int, report: StepReport) -> Move:
    """Treat it as a submission in doubt; the next look finds its step by name."""
    return Move(
        job_id=job.id,
        before=JobStatus.ACCEPTED,
        after=JobStatus.CLAIMED,
        message=f"Step {report.step_id} of this job is on the cluster already: adopted.",
        also={"epoch": epoch, "claimed": report.created},
    )


def _strays(this: Pass, seen: Seen) -> Iterator[Stray]:
    """Steps under way that belong to no job of this pass."""
    known = {step_id for job in this.jobs.values() for step_id in ids_of(job)}
    names = {step_name(job) for job in this.jobs.values()}
    for report in seen.by_id.values():
        if (
            not STATUS_OF[report.state].is_terminal
            and report.step_id not in known
            and report.name not in names
        ):
            yield Stray(report.step_id, report.name)


def _provably_absent(this: Pass, job: Job, looked: datetime) -> bool:
    longest = timedelta(seconds=this.fleet.engine.submit_seconds) + DOUBT_MARGIN
    return job.claimed is not None and looked - job.claimed > longest


def _give_up(job: Job) -> Move:
    return Move(
        job_id=job.id,
        before=JobStatus.CLAIMED,
        after=JobStatus.ACCEPTED,
        message="Its submission never reached the cluster; waits for a slot again.",
        also={"doubted_since": job.doubted_since or job.claimed},
        where=claim_of(job),
    )
