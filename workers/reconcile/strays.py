"""Steps that run and should not, or that nobody knows: stopped, or told of."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ...models.job import Job
from ...monitoring import recorder
from ..steps import job_id_of
from .work import Pass

log = logging.getLogger(__name__)

#: Orphans that this process has told of already, by the cluster and the step.
_told: set[tuple[str, str]] = set()


@dataclass(frozen=True, slots=True)
class Stray:
    """A step that is under way and belongs to no open job of its cluster."""

    step_id: str
    name: str


def stop_strays(this: Pass, strays: Sequence[Stray]) -> None:
    """Cancel the steps of jobs that have ended; tell of those that bear a name like ours and have no job.

    A submission that arrives long after it was given up may bring the step of a job that somebody has
    killed since. Steps that others add to the cluster bear other names, and are left alone.
    """
    ours = {stray: job_id for stray in strays if (job_id := job_id_of(stray.name))}
    if not ours:
        return
    found = {job.id: job for job in Job.objects(id__in=list(ours.values())).only("id", "status")}
    for stray in (stray for stray, job_id in ours.items() if job_id not in found):
        _tell(this, stray)
    ended = [
        stray
        for stray, job_id in ours.items()
        if job_id in found and found[job_id].status.is_terminal
    ]
    if ended:
        _stop(this, ended)


def _tell(this: Pass, stray: Stray) -> None:
    key = (this.engine.cluster_id, stray.step_id)
    if key not in _told:
        _told.add(key)
        recorder.record_strays("orphan", 1)
        log.warning(
            f"Step {stray.step_id}, {stray.name!r}, looks like one of ours, but there is no such job. "
            "It is left alone; cancel it if nobody else knows it.",
            extra={"action": "orphan"},
        )


def _stop(this: Pass, strays: Sequence[Stray]) -> None:
    log.error(
        f"Steps {', '.join(stray.step_id for stray in strays)} run for jobs that have ended: cancelled.",
        extra={"action": "stray"},
    )
    recorder.record_strays("stopped", len(strays))
    this.fleet.engine.cancel(this.engine, [stray.step_id for stray in strays], hard=False)
