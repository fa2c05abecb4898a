"""Looks at a cluster's steps by as few calls as it takes: EMR's quota of them is small."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from ...models.database import now
from ...models.job import Job
from ..engines.base import StepReport
from ..steps import step_name
from .work import Pass

log = logging.getLogger(__name__)

#: How far this host's clock and EMR's may be apart.
#: AWS itself refuses calls of a host whose clock is more than 5 minutes off (SigV4).
CLOCK_SKEW = timedelta(minutes=10)

#: A page of ListSteps, and how many ids it takes instead (EMR API reference).
PAGE, IDS_A_CALL = 50, 10

#: How long one page may take, waiting for the quota included, in seconds.
PAGE_SECONDS = 20.0

#: How often a step that EMR does not show is asked for again.
UNSEEN_PAUSE = timedelta(minutes=15)


@dataclass(slots=True)
class Seen:
    """What the cluster says of its steps."""

    #: When the listing began: what is absent was absent then.
    began: datetime
    by_id: dict[str, StepReport] = field(default_factory=dict)
    #: Newest first.
    by_name: dict[str, list[StepReport]] = field(default_factory=lambda: defaultdict(list))

    def add(self, report: StepReport) -> None:
        """Note what was read."""
        if report.step_id not in self.by_id:
            self.by_name[report.name].append(report)
        self.by_id[report.step_id] = report

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


@dataclass(slots=True)
class _Wanted:
    """What the listing is for."""

    #: Steps whose ids are known.
    step_ids: set[str]
    #: Steps that may be there, by the names that they would have, and since when.
    names: set[str]
    since: datetime
    #: Whether an older step of a name may lie behind a newer one.
    all_of_a_name: bool

    @classmethod
    def of(cls, jobs: list[Job], moment: datetime) -> _Wanted:
        in_doubt = [job for job in jobs if not job.step_id or job.doubted_since]
        return cls(
            step_ids={step_id for job in jobs for step_id in ids_of(job) if _is_due(job, moment)},
            names={step_name(job) for job in in_doubt if not job.step_id},
            since=min((_earliest(job) for job in in_doubt), default=moment) - CLOCK_SKEW,
            all_of_a_name=any(job.doubted_since for job in in_doubt),
        )

    def go_on_after(self, page: list[StepReport]) -> bool:
        """Whether the next page is worth its call; notes what was met on this one."""
        met = self.step_ids & {report.step_id for report in page}
        self.step_ids -= met
        self.names -= {report.name for report in page}
        if (self.names or self.all_of_a_name) and page[-1].created >= self.since:
            return True
        # A few that are left, or such as lie far behind, are cheaper to be had by their ids.
        return len(self.step_ids) > IDS_A_CALL and bool(met)


def ids_of(job: Job) -> Iterator[str]:
    """The steps of the job that are known."""
    yield from filter(None, (job.step_id, *job.other_steps, job.kill and job.kill.yarn_step_id))


def look(this: Pass) -> Seen:
    """Ask for the steps of all jobs that are on the cluster, or may be."""
    seen = Seen(now())
    wanted = _Wanted.of(this.on_cluster(), seen.began)
    reports = this.fleet.engine.reports(this.engine)
    while page := list(islice(reports, PAGE)):
        for report in page:
            seen.add(report)
        if not wanted.go_on_after(page):
            break
        this.lease.check(PAGE_SECONDS)
    if wanted.step_ids:
        # EMR lists only its newest 1,000 steps; it may show an older one that is asked for.
        this.lease.check(PAGE_SECONDS)
        for report in this.fleet.engine.reports_of(this.engine, sorted(wanted.step_ids)):
            seen.add(report)
        _note_unseen(this, wanted.step_ids - seen.by_id.keys())
    _note_seen_again(this, seen)
    return seen


def _note_seen_again(this: Pass, seen: Seen) -> None:
    again = [job for job in this.jobs.values() if job.unseen_since and job.step_id in seen.by_id]
    for job in again:
        job.unseen_since = job.look_at = None
    if again:
        Job.objects(id__in=[job.id for job in again]).update(
            unset__unseen_since=True, unset__look_at=True
        )


def _note_unseen(this: Pass, step_ids: set[str]) -> None:
    moment = now()
    for job in this.jobs.values():
        if job.step_id in step_ids:
            log.warning(
                f"EMR shows no step {job.step_id}; asked again later.",
                extra={"action": "unseen", "job_id": job.id, "tag_group": job.tag_group},
            )
            job.unseen_since = job.unseen_since or moment
            job.look_at = moment + UNSEEN_PAUSE
            Job.objects(id=job.id).update_one(
                set__unseen_since=job.unseen_since, set__look_at=job.look_at
            )


def _is_due(job: Job, moment: datetime) -> bool:
    return job.look_at is None or moment >= job.look_at


def _earliest(job: Job) -> datetime:
    return job.doubted_since or job.claimed or job.created
