"""The page that finds jobs."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from ....models.states import JobStatus
from ..problems import Problem
from ..security.roles import Role, needs
from . import job_filters
from .base import blueprint, page
from .job_filters import JobFilters


@blueprint.route("/jobs", endpoint="jobs")
@needs(Role.READER)
def jobs() -> Response | str | tuple[str, int]:
    """The jobs that fit what the address asks for."""
    filters = JobFilters.of(request.args)
    if any(not text for _, text in request.args.items(multi=True)):
        # A form sends its empty fields too: the address that is shared is without them.
        return redirect(url_for("console.jobs", **filters.address(0)), 303)
    try:
        found = filters.search()
    except Problem as problem:
        return _page(filters, problem=problem), problem.status
    return _page(filters, found=found)


def _page(filters: JobFilters, **data: object) -> str:
    return page(
        "jobs.html",
        "jobs",
        filters=filters,
        parts=job_filters,
        statuses=list(JobStatus),
        address=lambda number: url_for("console.jobs", **filters.address(number)),
        **data,
    )
