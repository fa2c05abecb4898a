"""Reads back how the steps do, and adopts those whose submission never got an answer."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...models.database import now
from ...models.job import Job
from ...models.lifecycle import Move
from ...models.states import JobStatus
from ..engines.base import StepReport, StepState
from ..step_moves import STATUS_OF, claim_of, may_run_again, merged, move_to
from ..steps import step_name
from .strays import Stray, stop_strays
from .work import Pass

log = logging.getLogger(__name__)

#: How far this host's clock and EMR's may be apart.
#: AWS itself refuses calls of a host whose clock is more than 5 minutes off (SigV4).
CLOCK_SKEW = timedelta(minutes=10)

#: How much longer than the call itself can last a submission stays in doubt before its steps count as absent:
#: the worker that claimed it may have another clock than this one.
DOUBT_MARGIN = timedelta(seconds=60)

#: How long the moves of a pass may take to be written, in seconds.
WRITE_SECONDS = 10.0

#: A page of ListSteps: what it shows was paid for, and is looked at (EMR API reference).
PAGE = 50


@dataclass(slots=True)
class _Seen:
    """What the cluster says of its steps."""

    #: When the listing began: what is absent was absent then.
    began: datetime
    by_id: dict[str, StepReport] = field(default_factory=dict)
    #: Newest first.
    by_name: dict[str, list[StepReport]] = field(default_factory=lambda: defaultdict(list))

    def add(self, report: StepReport) -> None:
        self.by_id[report.step_id] = report
        self.by_name[report.name].append(report)

    def of(self, job: Job) -> list[StepReport]:
        """The job's steps: by id, which is certain, and by name where there may be more than that one."""
        found = {
            report.step_id: report
            for step_id in (job.step_id, *job.other_steps)
            if (report := self.by_id.get(str(step_id)))
        }
        if not job.step_id or job.doubted_since:
            found |= {report.step_id: report for report in self.by_name.get(step_name(job), ())}
        return list(found.values())


def follow(this: Pass) -> None:
    """Bring the jobs that are on the cluster to where their steps are."""
    seen = _look(this)
    followed = this.with_status(JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING)
    reports = {job.id: found for job in followed if (found := seen.of(job))}
    gone = _is_gone(this, reports)
    moves = [_adopt(job, this.lease.epoch, found[0]) for job, found in _forgotten(this, seen)]
    for job in followed:
        if job.id in reports:
            moves += _moves(this, job, reports[job.id], seen, gone=gone)
        elif job.status is JobStatus.CLAIMED and _provably_absent(this, job, seen.began):
            moves.append(_give_up(job))
    # What was read is old by now: it must not be written over what another holder has done since.
    this.lease.check(WRITE_SECONDS)
    this.move(moves)
    stop_strays(this, list(_strays(this, seen)))


def _look(this: Pass) -> _Seen:
    """List the steps, newest first, and no page more than it takes."""
    engine = this.fleet.engine
    followed = this.on_cluster()
    oldest = min(_earliest(job) for job in followed) - CLOCK_SKEW
    names = {step_name(job) for job in followed if not job.step_id}
    step_ids = {step_id for job in followed for step_id in _ids(job)}
    # An older step of the same name may lie behind the newest one.
    all_of_them = any(job.doubted_since for job in followed)
    seen = _Seen(now())
    for number, report in enumerate(engine.reports(this.engine), start=1):
        if report.created < oldest:
            break
        seen.add(report)
        names.discard(report.name)
        step_ids.discard(report.step_id)
        if number >= PAGE and not names and not step_ids and not all_of_them:
            break
    if step_ids:
        # EMR lists only its newest 1,000 steps, or the clocks are further apart than we allow for.
        for report in engine.reports_of(this.engine, sorted(step_ids)):
            seen.add(report)
        if unseen := step_ids - seen.by_id.keys():
            log.warning(
                f"EMR shows no step {', '.join(sorted(unseen))}; asked again later.",
                extra={"action": "unseen"},
            )
    return seen


def _earliest(job: Job) -> datetime:
    return job.doubted_since or job.claimed or job.created


def _ids(job: Job) -> Iterator[str]:
    yield from filter(None, (job.step_id, *job.other_steps, job.kill and job.kill.yarn_step_id))


def _moves(
    this: Pass, job: Job, reports: list[StepReport], seen: _Seen, *, gone: bool
) -> Iterator[Move]:
    report = merged(reports)
    others = sorted(each.step_id for each in reports if each is not report)
    if others != sorted(job.other_steps):
        _note_doubled(job, others)
    if not gone and _may_leave_applications(job, report):
        stopping = seen.by_id.get(str(job.kill and job.kill.yarn_step_id))
        if stopping is None or stopping.state is not StepState.COMPLETED:
            under_way = stopping is not None and not STATUS_OF[stopping.state].is_terminal
            this.lingering[job.id] = () if under_way else report.application_ids
            return
    if move := move_to(job, report, cluster_is_gone=gone):
        yield move


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


def _is_gone(this: Pass, reports: dict[str, list[StepReport]]) -> bool:
    """Whether the cluster has ended; asked only where it makes a difference."""
    ended = ((this.jobs[job_id], merged(found)) for job_id, found in reports.items())
    if any(_depends_on_the_cluster(job, report) for job, report in ended):
        return this.fleet.engine.has_ended(this.engine)
    return False


def _depends_on_the_cluster(job: Job, report: StepReport) -> bool:
    if job.kill:
        return _may_leave_applications(job, report)
    return report.state is StepState.CANCELLED and may_run_again(job)


def _forgotten(this: Pass, seen: _Seen) -> Iterator[tuple[Job, list[StepReport]]]:
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


def _strays(this: Pass, seen: _Seen) -> Iterator[Stray]:
    """Steps under way that belong to no job of this pass."""
    known = {step_id for job in this.jobs.values() for step_id in _ids(job)}
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
