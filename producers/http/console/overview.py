"""The first page: the fleet at a glance."""

from __future__ import annotations

from typing import Final

from flask import url_for

from ....models.states import JobStatus
from ..overview import fleet_overview
from ..security.roles import Role, needs
from .base import blueprint, page

#: What the states of a job come down to for who looks at a fleet.
_FIGURES: Final[tuple[tuple[str, tuple[JobStatus, ...], bool], ...]] = (
    ("waiting", (JobStatus.RESERVED, JobStatus.RESOLVED, JobStatus.ACCEPTED), False),
    ("starting", (JobStatus.CLAIMED, JobStatus.INIT), False),
    ("running", (JobStatus.RUNNING,), False),
    ("succeeded", (JobStatus.SUCCEEDED,), True),
    ("failed", (JobStatus.FAILED,), True),
    ("killed", (JobStatus.KILLED,), True),
    ("refused", (JobStatus.INVALID,), True),
)


@blueprint.route("/", endpoint="overview")
@needs(Role.READER)
def overview() -> str:
    """The fleet at a glance."""
    fleet = fleet_overview()
    counts = fleet.by_status()
    figures = [
        {
            "name": name,
            "jobs": sum(counts[status] for status in statuses),
            "recent": recent,
            "url": url_for("console.jobs", status=[str(each) for each in statuses]),
        }
        for name, statuses, recent in _FIGURES
    ]
    groups = [
        (group, [sum(jobs.get(each, 0) for each in statuses) for _, statuses, _ in _FIGURES])
        for group, jobs in fleet.by_tag_group().items()
    ]
    return page("overview.html", "overview", fleet=fleet, figures=figures, groups=groups)
