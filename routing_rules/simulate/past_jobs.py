"""A job of the past: what it asked for, when, and for how long it ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from ...models.errors import InvalidInput
from ...models.resources import JobRequest, is_own_tag
from ...models.schemas import load_job_request
from ...models.states import JobStatus
from ..matching import Facts

#: What a decision depends on, beside the parts below; all else of a request is left out.
_CRITERIA: Final = (
    "clusterCriteria",
    "clusterCriterias",
    "commandCriterion",
    "commandCriteria",
    "applications",
    "priority",
)
#: Texts that each job may have for itself; by their names in a request's value.
_OWN_TEXTS: Final = {"name": "name", "user": "user", "group": "group", "grouping": "grouping"}
#: The keys of a request that a job as `tagfleet job list` shows it has, too, with the same meaning.
_OF_SHOWN_JOB: Final = (
    "id",
    "version",
    "tags",
    "clusterCriteria",
    "commandCriterion",
    "priority",
    *_OWN_TEXTS,
)
_EXPORTED: Final = ("id", "version", "tags", *_OWN_TEXTS, *_CRITERIA)
_LONGEST_TEXT: Final = 255
_MOST_TEMPLATES: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class PastJob:
    """A job of the past; of its request only what a decision depends on."""

    request: JobRequest
    #: In which it was recorded; None: not known.
    tag_group: str | None = None
    #: When it was sent; None: not known, as of a request that was never sent.
    created: datetime | None = None
    #: How long it ran, in seconds; None: not known, or it never ran.
    run_seconds: float | None = None
    #: Of the rules that decided about it; None: not known.
    rules_digest: str | None = None

    @cached_property
    def facts(self) -> Facts:
        """What rules look at."""
        return Facts.of(self.request)


class JobReader:
    """Makes jobs of rows: quickly, as the jobs of a fleet resemble each other."""

    def __init__(self) -> None:
        self._templates: dict[object, JobRequest] = {}

    def read(self, row: Mapping[str, Any], name: str) -> PastJob | None:
        """The job of a row; None for one whose request was refused when it came.

        A row is a request, in either of Genie's forms; a job as `tagfleet job list` shows it; or what
        `export_row` makes: an object with a `request`.

        Arguments:
            name: What the row is called in errors; the end of it (`job 7`) is the id of a request
                that has none.

        Raises:
            InvalidInput: The row is none of these; every problem is named with its path.
        """
        if row.get("status") == JobStatus.INVALID:
            return None
        try:
            return PastJob(
                request=self.request(_request_of(row), name),
                tag_group=row.get("tagGroup"),
                created=moment_of(row),
                run_seconds=_run_seconds(row),
                rules_digest=(row.get("rules") or {}).get("digest"),
            )
        except InvalidInput as error:
            raise InvalidInput(name, error.problems) from error
        except (AttributeError, TypeError, ValueError) as error:
            raise InvalidInput(name, [str(error)]) from error

    def request(self, row: Mapping[str, Any], name: str) -> JobRequest:
        """The request of a row, checked.

        Raises:
            InvalidInput: Something is wrong with it.
        """
        given = {"id": name.rpartition(": ")[2]} | {
            key: value for key, value in row.items() if value is not None
        }
        parts = _own_parts(given)
        if parts is None:  # something is unusual about it: the schema says whether it may be
            return load_job_request(given)
        key = (frozenset(given), repr([given.get(key) for key in _CRITERIA]))
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= _MOST_TEMPLATES:
                self._templates.clear()
            template = self._templates[key] = load_job_request(given)
        return JobRequest(
            **parts,
            version=template.version,
            cluster_criteria=template.cluster_criteria,
            command_criterion=template.command_criterion,
            applications=template.applications,
            priority=template.priority,
        )


def moment_of(row: Mapping[str, Any]) -> datetime | None:
    """When the job of a row was sent; None: the row does not say.

    Raises:
        ValueError: It is no time.
    """
    return _time(row, "created")


def export_row(request: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """A row that a reader reads; without what no decision depends on: no arguments, no environment.

    Arguments:
        request: As JSON data.
        about: What else is known of the job, by the names that `tagfleet job list` gives it; None is left
            out.
    """
    return {
        "request": {key: request[key] for key in _EXPORTED if request.get(key)},
        **{
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in about.items()
            if value is not None
        },
    }


def _request_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    if "request" in row:
        if not isinstance(row["request"], Mapping):
            raise ValueError("request: expected an object")
        return row["request"]
    if "status" not in row:
        return row
    if not row.get("clusterCriteria") or not row.get("commandCriterion"):
        raise ValueError(
            "the job comes without clusterCriteria and commandCriterion; `tagfleet rules simulate "
            "--save-jobs FILE` writes a file of jobs that has all that is needed"
        )
    return {key: row[key] for key in _OF_SHOWN_JOB if key in row}


def _run_seconds(row: Mapping[str, Any]) -> float | None:
    started, finished = _time(row, "started"), _time(row, "finished")
    if started is None or finished is None:
        return None
    return max(0.0, (finished - started).total_seconds())


def _time(row: Mapping[str, Any], key: str) -> datetime | None:
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise ValueError(f"{key}: expected a time as 2026-11-25T12:00:00Z, found {value!r}")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _own_parts(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parts that each job may have for itself; None when one is not plainly right."""
    texts = {part: row.get(key) for key, part in _OWN_TEXTS.items()}
    tags = row.get("tags", ())
    if not isinstance(tags, list | tuple) or not _plain([*tags, row["id"]]):
        return None
    if not _plain([text for text in texts.values() if text is not None]):
        return None
    if "/" in row["id"] or "\\" in row["id"] or texts["name"] is None or texts["user"] is None:
        return None
    return {"id": row["id"], "tags": frozenset(t for t in tags if not is_own_tag(t)), **texts}


def _plain(texts: Iterable[object]) -> bool:
    return all(
        isinstance(text, str)
        and 0 < len(text) <= _LONGEST_TEXT
        and text.isprintable()
        and not text.isspace()
        for text in texts
    )
