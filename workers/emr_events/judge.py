"""What an event means for a job, whatever came before it; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Final

from ...models.job import Job
from ...models.lifecycle import Move
from ...models.states import JobStatus
from ..engines.base import StepReport, StepState
from ..step_moves import STATUS_OF, move_by_event
from .parse import StepEvent

#: The jobs whose steps a cluster has, or may have.
FOLLOWED: Final = frozenset({JobStatus.CLAIMED, JobStatus.INIT, JobStatus.RUNNING})

#: How far a step has come.
_ORDER: Final = {
    state: number
    for number, state in enumerate((StepState.PENDING, StepState.RUNNING, StepState.CANCEL_PENDING))
}
_LAST: Final = len(_ORDER)


class Verdict(StrEnum):
    """What became of an event; the values are those of a metric's label."""

    APPLIED = "applied"  #: It moved its job.
    STALE = "stale"  #: The job was there already, or farther.
    LEFT = "left"  #: It is not the whole story: a sweep looks at the cluster.
    UNKNOWN = "unknown"  #: A step of nobody's, or an event of another kind.
    UNREADABLE = "unreadable"  #: No event of EMR.


def folded(events: Iterable[StepEvent]) -> list[StepEvent]:
    """One event a step: how far it has come, and since when it runs if any of them says so."""
    farthest: dict[str, StepEvent] = {}
    for event in events:
        there = farthest.setdefault(event.report.step_id, event)
        farthest[event.report.step_id] = _farther(there, event)
    return list(farthest.values())


def _farther(one: StepEvent, other: StepEvent) -> StepEvent:
    event = max(one, other, key=lambda each: _ORDER.get(each.report.state, _LAST))
    started = one.report.started or other.report.started
    return replace(event, report=replace(event.report, started=started))


def judge(job: Job | None, event: StepEvent) -> Move | Verdict:
    """The move that the event calls for, or why it calls for none.

    Arguments:
        job: The job that has the step, or else the one that the step's name names.
    """
    if job is None or job.emr_cluster_id != event.cluster_id:
        return Verdict.UNKNOWN
    if job.status.is_terminal:
        return Verdict.STALE
    if not _is_of(job, event.report):
        # A submission that seemed lost arrived after all, or arrived twice.
        return Verdict.LEFT
    if job.status not in FOLLOWED:
        return Verdict.STALE
    if move := move_by_event(job, event.report):
        return move
    return Verdict.LEFT if STATUS_OF[event.report.state].is_terminal else Verdict.STALE


def _is_of(job: Job, report: StepReport) -> bool:
    return job.step_id == report.step_id or job.status is JobStatus.CLAIMED
