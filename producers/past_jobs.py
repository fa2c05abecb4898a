"""Past jobs and past rules, as a simulation reads them from MongoDB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from ..models import rule_sets
from ..models.errors import InvalidInput
from ..models.job import Job
from ..routing_rules.in_force import RulesNow
from ..routing_rules.simulate.past_jobs import JobReader, PastJob, export_row

#: How many jobs are fetched at a time.
_BATCH: Final = 500
_PARTS: Final = (
    "request_json",
    "tag_group",
    "status",
    "created",
    "started",
    "finished",
    "rules_digest",
)


def rows_since(moment: datetime) -> Iterator[dict[str, Any]]:
    """The jobs that were sent since then, oldest first, as rows of a file of jobs; one batch is in memory."""
    found = Job._get_collection().find(
        {"created": {"$gte": moment}}, dict.fromkeys(_PARTS, 1), batch_size=_BATCH
    )
    for row in found.sort("created", 1):
        try:
            request = json.loads(row["request_json"])
        except ValueError:
            request = {}  # the text of a request that was refused may be cut off
        digest = row.get("rules_digest")
        about = {
            "tagGroup": row["tag_group"],
            "status": row["status"],
            "created": row["created"],
            "started": row.get("started"),
            "finished": row.get("finished"),
            "rules": {"digest": digest} if digest else None,
        }
        yield export_row(request, about)


def jobs_of(rows: Iterator[dict[str, Any]]) -> Iterator[PastJob | None]:
    """The jobs of rows; None for one whose request was refused, or cannot be read any more."""
    reader = JobReader()
    for row in rows:
        try:
            yield reader.read(row, str(row["request"].get("id", "a job")))
        except InvalidInput:
            yield None


def rules_of_version(version: int) -> RulesNow:
    """The rules that were applied under this number.

    Raises:
        InvalidInput: There is no such version, or this release cannot read it.
    """
    try:
        found = rule_sets.get(version)
    except rule_sets.NoRuleSet as error:
        raise InvalidInput(f"version {version}", [str(error)]) from error
    return RulesNow.of(found.texts(), version)
