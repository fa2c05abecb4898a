"""Submits what has a slot: intent first, then one call that is never repeated, then the steps' ids."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ...models import catalog, jobs
from ...models.database import now
from ...models.errors import Retryable
from ...models.job import Job, StepDocument
from ...models.lifecycle import Move
from ...models.queue_order import in_order
from ...models.states import JobStatus
from ...monitoring import recorder
from ..cluster_work import most_steps
from ..engines.base import (
    ClusterFull,
    ClusterGone,
    Deadline,
    OutcomeUnknown,
    StepSpec,
    StepsRefused,
    Throttled,
    Unanswered,
)
from ..limits import Starting
from ..step_moves import claim_of, may_run_again, route_again, run_again, unless_killed
from ..steps import step_name
from .work import Pass

log = logging.getLogger(__name__)

#: How long a cluster that takes no steps for now is left alone, and one that has no slot free.
REST, FULL_REST = timedelta(seconds=10), timedelta(seconds=2)

#: How long after the check of the lease the call may leave this process. A process that was stopped in
#: between must not call: another worker may have looked for its steps by then, and found none.
HESITATION_SECONDS = 5.0


#: Calls of one pass at most; what is left waits for the next one.
CALLS_A_PASS = 20


def submit(this: Pass) -> None:
    """Give the cluster as many steps as it has slots for.

    One call adds them all, unless one of them is refused, and with it the whole batch: then batches are
    halved until the bad step stands alone. How far that has come is kept with the cluster's lease, because
    the quota may not have room for all of these calls in one pass.
    """
    for _ in range(CALLS_A_PASS):
        slots = _slots(this)
        ready = in_order(this.with_status(JobStatus.ACCEPTED), slots.of_users)
        if slots.free and ready and not _is_time(this, ready, ready[: slots.free]):
            return
        chosen = _batch(this, ready, slots.free)
        if len(ready) > len(chosen):
            this.note = f"{slots.taken + len(chosen)} of its {slots.limit} slots are taken"
        if ready and not chosen:
            this.rest = FULL_REST
        if not chosen or not _submit(this, chosen):
            return


def _batch(this: Pass, ready: Sequence[Job], most: int) -> list[Job]:
    """The next jobs that one call can add: a runtime role is a parameter of the call, not of a step.

    What a limit holds back lets those behind it pass.
    """
    most = min(most, this.batch_limit or this.fleet.engine.batch_size)
    starting = Starting(this.fleet.rules.now().rules, ready)
    chosen: list[Job] = []
    for job in ready:
        if len(chosen) >= most:
            break
        if (not chosen or _role(job) == _role(chosen[0])) and starting.lets(job):
            chosen.append(job)
    return chosen


def _role(job: Job) -> str | None:
    return job.engine.execution_role_arn if job.engine else None


@dataclass(frozen=True, slots=True)
class _Slots:
    """The cluster's slots: as many as it runs at once, and a few more, so that it never waits for us."""

    limit: int
    of_users: Counter[str]

    @property
    def taken(self) -> int:
        return self.of_users.total()

    @property
    def free(self) -> int:
        return max(0, self.limit - self.taken)


def _slots(this: Pass) -> _Slots:
    active = this.with_status(JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING)
    limit = most_steps(this.engine.step_concurrency, this.fleet.settings)
    return _Slots(limit, Counter(job.user for job in active))


def _is_time(this: Pass, ready: Sequence[Job], chosen: Sequence[Job]) -> bool:
    """A call is worth more the more jobs share it: the first job waits a little for others."""
    if this.batch_limit or len(ready) > len(chosen):
        return True
    waited = now() - min(job.updated for job in chosen)
    return waited >= timedelta(seconds=this.fleet.settings.batch_seconds)


def _submit(this: Pass, chosen: Sequence[Job]) -> bool:
    """Add the steps of these jobs by one call; returns whether another batch may go now."""
    engine = replace(this.engine, execution_role_arn=_role(chosen[0]))
    steps = jobs.steps_of([job.id for job in chosen])
    try:
        this.fleet.engine.admit(engine)
    except (Throttled, Unanswered) as error:
        _rest(this, error)
        return False
    this.lease.check(this.fleet.engine.submit_seconds + HESITATION_SECONDS)
    deadline = Deadline.of(HESITATION_SECONDS)
    claimed = this.move([_claim(job, this.lease.epoch) for job in chosen])
    if not claimed:
        return False
    specs = [_spec(job, steps[job.id]) for job in claimed]
    try:
        step_ids = this.fleet.engine.submit(engine, specs, deadline)
    except ClusterFull as error:
        return _too_many(this, claimed, error)
    except (Throttled, Unanswered) as error:
        _rest(this, error)
        this.move([_back(job, str(error)) for job in claimed])
    except ClusterGone as error:
        _on_gone(this, claimed, error)
    except StepsRefused as error:
        return _refused(this, claimed, error)
    except OutcomeUnknown as error:
        log.warning(
            f"No answer from EMR: {error}. The steps are looked up by name.",
            extra={"action": "in-doubt"},
        )
    else:
        _note_submitted(this, claimed, step_ids)
        return True
    return False


def _note_submitted(this: Pass, claimed: Sequence[Job], step_ids: Sequence[str]) -> None:
    recorder.record_submitted(this.engine.cluster_id, len(step_ids))
    for job in this.move([_submitted(*pair) for pair in zip(claimed, step_ids, strict=True)]):
        recorder.record_wait(job.tag_group, (now() - job.created).total_seconds())
    if this.batch_limit:
        doubled = this.batch_limit * 2
        this.batch_limit = doubled if doubled < this.fleet.engine.batch_size else None


def _rest(this: Pass, error: Retryable) -> None:
    """The cluster takes no steps for now."""
    wait = error.wait if isinstance(error, Throttled) else 0.0
    this.rest = timedelta(seconds=wait) if wait else REST
    this.note = str(error)


def _on_gone(this: Pass, claimed: list[Job], error: ClusterGone) -> None:
    """EMR refuses the steps for certain, and always will: the jobs go elsewhere, and none comes here again."""
    for cluster_id in catalog.end_clusters(this.engine.cluster_id):
        log.warning(
            f"Cluster {cluster_id} is TERMINATED from now on: {error}", extra={"action": "gone"}
        )
    this.move([_away(job, str(error)) for job in claimed])


def _too_many(this: Pass, claimed: list[Job], error: ClusterFull) -> bool:
    """The cluster has steps of others too: fewer may fit."""
    this.move([_back(job, str(error)) for job in claimed])
    if len(claimed) == 1:
        _rest(this, error)
        return False
    this.batch_limit = len(claimed) // 2
    return True


def _refused(this: Pass, claimed: list[Job], error: StepsRefused) -> bool:
    """One bad step refuses the whole batch: halve it until the bad one stands alone."""
    if len(claimed) == 1:
        this.move([_fail(claimed[0], f"EMR refused the step: {error}")])
        return True
    this.move([_back(job, "EMR refused the batch; submitted in a smaller one.") for job in claimed])
    this.batch_limit = len(claimed) // 2
    return True


def _spec(job: Job, step: StepDocument) -> StepSpec:
    return StepSpec(name=step_name(job), jar=step.jar, arguments=tuple(step.arguments))


def _claim(job: Job, epoch: int) -> Move:
    return Move(
        job_id=job.id,
        before=JobStatus.ACCEPTED,
        after=JobStatus.CLAIMED,
        message="About to be submitted.",
        also={"epoch": epoch, "claimed": now(), "held_by": None, "queue_reason": None},
        # What somebody has killed since it was read never starts.
        where=unless_killed(job),
    )


def _submitted(job: Job, step_id: str) -> Move:
    return Move(
        job_id=job.id,
        before=JobStatus.CLAIMED,
        after=JobStatus.INIT,
        message=f"Submitted as step {step_id}.",
        also={"step_id": step_id},
        where=claim_of(job),
    )


def _back(job: Job, why: str) -> Move:
    return Move(
        job_id=job.id,
        before=JobStatus.CLAIMED,
        after=JobStatus.ACCEPTED,
        message=f"Waits for a slot: {why}",
        where=claim_of(job),
    )


def _away(job: Job, why: str) -> Move:
    if job.doubted_since:
        # A submission that seemed lost may have run there.
        cause = f"its cluster ended while a submission was in doubt: {why}"
        return run_again(job, cause) if may_run_again(job) else _fail(job, cause.capitalize())
    return Move(
        job_id=job.id,
        before=JobStatus.CLAIMED,
        after=JobStatus.RESERVED,
        message=f"Cluster {job.cluster_id!r} takes no more steps: {why}; routed anew.",
        also=route_again(job),
        where=claim_of(job),
    )


def _fail(job: Job, why: str) -> Move:
    return Move(
        job_id=job.id,
        before=JobStatus.CLAIMED,
        after=JobStatus.FAILED,
        message=why,
        also={"failure": why},
        where=claim_of(job),
    )
