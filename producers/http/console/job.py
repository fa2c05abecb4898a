"""A job's page."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request

from ....models import jobs, waiting
from ....models.errors import TagfleetError
from ....models.job import Job
from ....models.states import JobStatus
from ....models.storage import StorageError
from ....routing_rules.decision_text import decision_data
from ...explaining import explained
from ..admission import decision_on
from ..job_files import JobFile, files_of
from ..security.roles import Role, needs
from ..services import Services, services
from .base import blueprint, page
from .log_tail import STREAMS, tail_of
from .reasons import reasons_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a job's timeline."""

    status: JobStatus
    time: datetime
    message: str
    worker: str | None
    #: How long the job was in this state, in seconds; None: it still is.
    seconds: float | None


@blueprint.route("/jobs/<string:job_id>", endpoint="job")
@needs(Role.READER)
def job(job_id: str) -> str:
    """All there is to know of a job."""
    found = jobs.get(job_id)
    asked = asked_of(found)
    door = services()
    # What a failed job wrote last says why.
    first = "stderr" if found.status is JobStatus.FAILED else "stdout"
    stream = request.args.get("log", first)
    foretold = _foretold(door, found)
    decision = foretold or explained(found, door.settings)
    return page(
        "job.html",
        "jobs",
        job=found,
        asked=asked,
        arguments=arguments_of(asked),
        runs_again=found.status is not JobStatus.INVALID,
        queue=waiting.queues_of([found]).get(found.id),
        steps=list(_steps(found)),
        decision=decision,
        foretold=foretold is not None,
        reasons=reasons_of(decision),
        log=tail_of(door, found, stream if stream in STREAMS else first),
        streams=STREAMS,
        files=_files(found),
    )


def _foretold(door: Services, job: Job) -> dict[str, Any] | None:
    """What would be decided now about a job that waits to be routed; None of any other."""
    if job.status is not JobStatus.RESERVED:
        return None
    try:
        return decision_data(decision_on(door, door.rules.now(), job.request()))
    except TagfleetError as error:
        log.info(f"Job {job.id} cannot be foretold: {error}", extra={"job": job.id})
        return None


def asked_of(job: Job) -> Mapping[str, Any]:
    """What was asked for, as JSON data; of a refused request what can be read of it."""
    try:
        found = json.loads(job.request_json)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def arguments_of(asked: Mapping[str, Any]) -> str:
    """The job's arguments as text; of a refused request they may be anything."""
    given = asked.get("commandArgs")
    return " ".join(map(str, given)) if isinstance(given, list) else str(given or "")


def _steps(job: Job) -> Iterator[Step]:
    ends = [each.time for each in job.history[1:]]
    for entry, end in zip(job.history, [*ends, None], strict=True):
        seconds = (end - entry.time).total_seconds() if end else None
        yield Step(entry.status, entry.time, entry.message, entry.worker, seconds)


def _files(job: Job) -> list[JobFile] | None:
    """A job's files; None while they cannot be listed."""
    try:
        return list(files_of(services(), job).values())
    except StorageError as error:
        log.info(f"The files of job {job.id} cannot be listed: {error}", extra={"job": job.id})
        return None
