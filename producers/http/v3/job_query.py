"""What a list of jobs may be asked for, and what MongoDB is asked for then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import marshmallow as ma

from ....models.job_search import SORTABLE
from ....models.states import JobStatus
from ..paging import PageSchema, Wanted
from ..patterns import condition
from ..problems import Problem
from .filters import Given, a_text, statuses

_PATTERN: Final = "`%` stands for any text."

#: The last millisecond of the year 9999, since 1970.
_LAST_MOMENT: Final = 253_402_300_799_999


def _pattern(what: str, name: str) -> ma.fields.String:
    return a_text(f"{what}. {_PATTERN}", data_key=name)


def _moment(what: str, name: str) -> ma.fields.Integer:
    return ma.fields.Integer(
        data_key=name,
        validate=ma.validate.Range(0, _LAST_MOMENT),
        metadata={"description": f"{what} this time, in milliseconds since 1970."},
    )


class JobQuery(PageSchema):
    """What the list of jobs may be asked for."""

    id = _pattern("The id", "id")
    name = _pattern("The name", "name")
    user = _pattern("Whose it is", "user")
    status = statuses(JobStatus)
    tag = Given(a_text(f"A tag. {_PATTERN}"), metadata={"description": "All of these tags."})
    cluster_name = _pattern("Its cluster's name", "clusterName")
    cluster_id = _pattern("Its cluster's id", "clusterId")
    command_name = _pattern("Its command's name", "commandName")
    command_id = _pattern("Its command's id", "commandId")
    grouping = _pattern("Its grouping", "grouping")
    grouping_instance = _pattern("Its instance of the grouping", "groupingInstance")
    started_from = _moment("Started at or after", "minStarted")
    started_before = _moment("Started before", "maxStarted")
    finished_from = _moment("Ended at or after", "minFinished")
    finished_before = _moment("Ended before", "maxFinished")


#: The fields of the document that are asked for by a pattern.
_PATTERNS: Final = (
    "id", "name", "user", "cluster_name", "cluster_id", "command_name", "command_id",
    "grouping", "grouping_instance",
)  # fmt: skip


def conditions(query: dict[str, Any]) -> dict[str, Any]:
    """What MongoDB is asked for; nothing that a user has sent becomes an operator."""
    found: dict[str, Any] = {}
    for name in _PATTERNS:
        if query.get(name):
            found["_id" if name == "id" else name] = condition(query[name])
    for name in ("started", "finished"):
        bounds = {}
        if (begin := query.get(f"{name}_from")) is not None:
            bounds["$gte"] = _time(begin)
        if (end := query.get(f"{name}_before")) is not None:
            bounds["$lt"] = _time(end)
        if bounds:
            found[name] = bounds
    return found


def sort_of(wanted: Wanted) -> tuple[tuple[str, bool], ...]:
    """How the list is to be sorted.

    Raises:
        Problem: 400, there is nothing to sort by of that name.
    """
    for field, _ in wanted.sort:
        if field not in SORTABLE:
            raise Problem(
                400,
                "The list cannot be sorted so.",
                errors=[("sort", f"{field!r} is none of {', '.join(SORTABLE)}")],
            )
    return wanted.sort


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
