"""Submits what has a slot: intent first, then one call that is never repeated, then the steps' ids."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from ...models.database import now
from ...models.errors import LeaseLost
from ...models.job import Job
from ...models.lifecycle import Move
from ...models.states import JobStatus
from ...monitoring import recorder
from ..engines.base import (
    ClusterFull,
    ClusterGone,
    OutcomeUnknown,
    StepSpec,
    StepsRefused,
    Throttled,
    Unanswered,
)
from ..steps import step_name
from .work import Pass, claim_of

log = logging.getLogger(__name__)

#: EMR allows 256 active steps, its own system steps included (AddMoreThan256Steps, EMR management guide).
MOST_ACTIVE_STEPS = 250

#: How long a cluster that takes no steps for now is left alone.
REST = timedelta(seconds=10)

#: How long may pass between the check of the lease and the call. A process that was stopped in between
#: must not call: another worker may have looked for its steps by then, and found none.
LONGEST_HESITATION_SECONDS = 5.0


def submit(this: Pass) -> None:
    """Give the cluster as many steps as it has slots for."""
    ready = sorted(
        (job for job in this.with_status(JobStatus.ACCEPTED) if not job.kill),
        key=lambda job: (-job.priority, job.created),
    )
    chosen = ready[: min(_slots(this), this.fleet.engine.batch_size)]
    if chosen and _is_time(this, ready, chosen):
        _submit(this, chosen)


def _slots(this: Pass) -> int:
    active = len(this.with_status(JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING))
    limit = min(MOST_ACTIVE_STEPS, this.engine.step_concurrency + this.fleet.settings.look_ahead)
    return max(0, limit - active)


def _is_time(this: Pass, ready: Sequence[Job], chosen: Sequence[Job]) -> bool:
    """A call is worth more the more jobs share it: the first job waits a little for others."""
    waited = now() - min(job.updated for job in chosen)
    return len(ready) > len(chosen) or waited >= timedelta(
        seconds=this.fleet.settings.batch_seconds
    )


def _submit(this: Pass, jobs: Sequence[Job]) -> None:
    this.lease.check(this.fleet.engine.submit_seconds + LONGEST_HESITATION_SECONDS)
    checked = time.monotonic()
    claimed = this.move([_claim(job, this.lease.epoch) for job in jobs])
    if not claimed:
        return
    if time.monotonic() - checked > LONGEST_HESITATION_SECONDS:
        raise LeaseLost(
            "This worker was held up between its claim and its call: the steps are looked up first."
        )
    steps = [_spec(job) for job in claimed]
    try:
        step_ids = this.fleet.engine.submit(this.engine, steps)
    except (Throttled, ClusterFull, Unanswered) as error:
        this.rest = REST
        this.move([_back(job, str(error)) for job in claimed])
    except ClusterGone as error:
        this.move(
            [
                _fail(job, f"Cluster {job.cluster_name} takes no more steps: {error}")
                for job in claimed
            ]
        )
    except StepsRefused as error:
        _refused(this, claimed, error)
    except OutcomeUnknown as error:
        log.warning(
            f"No answer from EMR: {error}. The steps are looked up by name.",
            extra={"action": "in-doubt"},
        )
    else:
        recorder.record_submitted(this.engine.cluster_id, len(step_ids))
        for job in this.move([_submitted(*pair) for pair in zip(claimed, step_ids, strict=True)]):
            recorder.record_wait(job.tag_group, (now() - job.created).total_seconds())


def _refused(this: Pass, jobs: list[Job], error: StepsRefused) -> None:
    """One bad step refuses the whole batch: halve it until the bad one stands alone."""
    if len(jobs) == 1:
        this.move([_fail(jobs[0], f"EMR refused the step: {error}")])
        return
    this.move([_back(job, "EMR refused the batch; submitted in a smaller one.") for job in jobs])
    middle = len(jobs) // 2
    _submit(this, jobs[:middle])
    _submit(this, jobs[middle:])


def _spec(job: Job) -> StepSpec:
    assert job.step  # written when the job was accepted
    return StepSpec(name=step_name(job), jar=job.step.jar, arguments=tuple(job.step.arguments))


def _claim(job: Job, epoch: int) -> Move:
    return Move(
        job_id=job.id,
        before=JobStatus.ACCEPTED,
        after=JobStatus.CLAIMED,
        message="About to be submitted.",
        also={"epoch": epoch, "claimed": now()},
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


def _fail(job: Job, why: str) -> Move:
    return Move(
        job_id=job.id,
        before=JobStatus.CLAIMED,
        after=JobStatus.FAILED,
        message=why,
        also={"failure": why},
        where=claim_of(job),
    )
