"""Makes the moves that a batch of events calls for."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...models import lease as leases
from ...models.database import now
from ...models.errors import Retryable
from ...models.job import Job
from ...models.lifecycle import Move, advance_all
from ...models.states import JobStatus
from ...monitoring import recorder
from ..batches import in_batches
from ..events import status_event
from ..fleet import Fleet
from ..steps import job_id_of, step_name
from .judge import Verdict, folded, judge
from .parse import ClusterEvent, EmrEvent, StepEvent

log = logging.getLogger(__name__)

#: How often a job is read again that somebody else has moved in the meantime.
ROUNDS = 5

#: Of jobs that ended, as many share one message to `finish`.
FINISH_BATCH = 25

#: What no move has a use for.
_LARGE = ("history", "rationale_json", "request_json", "staged_files", "step")


class Contested(Retryable):
    """Somebody else goes on moving the same jobs."""


def apply(fleet: Fleet, events: Sequence[EmrEvent]) -> None:
    """Move the jobs of the events forward; the same events again change nothing.

    Raises:
        Contested: Some are not applied; all of them may be applied again.
        PyMongoError: As before, MongoDB being the cause.
    """
    told = [event for event in events if isinstance(event, StepEvent)]
    steps = folded(told)
    verdicts = Counter({Verdict.STALE: len(told) - len(steps)})
    to_wake = {
        event.cluster_id for event in events if isinstance(event, ClusterEvent) and event.ends
    }
    for _ in range(ROUNDS):
        if steps:
            steps = _round(fleet, steps, verdicts, to_wake)
    for cluster_id in sorted(to_wake):
        leases.wake(cluster_id)
    for verdict, count in verdicts.items():
        recorder.record_emr_events(verdict, count)
    if steps:
        raise Contested(f"Somebody else moves the jobs of {len(steps)} steps all the time.")


def _round(
    fleet: Fleet, steps: Sequence[StepEvent], verdicts: Counter[Verdict], to_wake: set[str]
) -> list[StepEvent]:
    """Judge and move once; returns the events whose jobs were moved by somebody else since they were read."""
    jobs = _jobs_of(steps)
    moves: dict[str, Move] = {}
    asking: dict[str, StepEvent] = {}
    again = []
    for event in steps:
        job = jobs.get(event.report.step_id)
        found = judge(job, event)
        if isinstance(found, Verdict):
            verdicts[found] += 1
            if found is Verdict.LEFT and job and not job.kill:
                # What is to be killed is looked at often enough.
                to_wake.add(event.cluster_id)
        elif found.job_id in moves:
            again.append(event)
        else:
            moves[found.job_id], asking[found.job_id] = found, event
    happened = advance_all(list(moves.values()), worker=fleet.worker)
    verdicts[Verdict.APPLIED] += len(happened)
    _tell(fleet, happened, {job.id: job for job in jobs.values()})
    moved = {move.job_id for move in happened}
    return again + [event for job_id, event in asking.items() if job_id not in moved]


def _jobs_of(steps: Sequence[StepEvent]) -> dict[str, Job]:
    """The jobs of the steps, by the steps' ids: those that have the step, else those that its name names."""
    found = {str(job.step_id): job for job in _read(step_id__in=[e.report.step_id for e in steps])}
    by_name = {event.report.name: event for event in steps if event.report.step_id not in found}
    ids = {job_id for name in by_name if (job_id := job_id_of(name))}
    named = {step_name(job): job for job in _read(id__in=sorted(ids))} if ids else {}
    for event in steps:
        if job := named.get(event.report.name):
            found.setdefault(event.report.step_id, job)
    return found


def _read(**query: Any) -> Iterable[Job]:
    jobs: Iterable[Job] = Job.objects(**query).exclude(*_LARGE)
    return jobs


def _tell(fleet: Fleet, moves: Sequence[Move], jobs: Mapping[str, Job]) -> None:
    for move in moves:
        job = jobs[move.job_id]
        extra = {
            "action": "moved",
            "job_id": job.id,
            "tag_group": job.tag_group,
            "status": str(move.after),
        }
        log.info(move.message, extra=extra)
        if move.before is JobStatus.CLAIMED:
            recorder.record_wait(job.tag_group, (now() - job.created).total_seconds())
    ended = [move.job_id for move in moves if move.after.is_terminal]
    running = [move for move in moves if move.after is JobStatus.RUNNING]
    try:
        if running:
            fleet.bus.tell([status_event(move.job_id, move.before, move.after) for move in running])
        for batch in in_batches(ended, FINISH_BATCH):
            fleet.bus.ring("finish", list(batch))
    except Retryable as error:
        # The moves are made: the clock rings for what has ended.
        log.warning(f"Not told at once: {error}", extra={"action": "not-told"})
