"""What a dead letter is sent on as, so that it runs; or why sending it on would change nothing."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from ..models import jobs
from ..models.dead_letters import Letter
from ..models.errors import Fatal, InvalidInput, JobNotFound
from ..models.job import Job
from ..models.schemas import load_job_request, request_digest
from ..models.states import JobStatus

#: New ids are made from the letter's: sent on once more after a crash, it is the same job still.
_NEW_IDS = uuid.UUID("0f0c9d2e-6f0c-4a57-9d5e-3f1f6d2f8c11")


class CannotReplay(Fatal):
    """To send the letter on would not run it; says what would."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A message for an exchange."""

    exchange: str
    routing_key: str
    message_id: str | None
    body: bytes
    #: The job that it is about, where it is a request with an id.
    job_id: str | None


def replay_of(letter: Letter, *, new_id: bool) -> Replay:
    """The message that goes back to where the letter came from; reads MongoDB unless it has a new id.

    Arguments:
        new_id: A request becomes a job of its own.

    Raises:
        CannotReplay: It would not run.
    """
    destination = letter.destination
    if destination is None:
        raise CannotReplay(
            f"It came by {letter.queue or 'an unknown queue'!r}, which is no queue of the fleet that it could "
            "be sent back to."
        )
    if not letter.is_request:
        return Replay(*destination, letter.message_id, letter.body, letter.job_id)
    if new_id:
        job_id, body = _under_a_new_id(letter)
        return Replay(*destination, job_id, body, job_id)
    if letter.job_id:
        _make_sure_that_it_runs(letter, letter.job_id)
    return Replay(*destination, letter.message_id, letter.body, letter.job_id)


def _under_a_new_id(letter: Letter) -> tuple[str, bytes]:
    body = _request_in(letter)
    if body is None:
        raise CannotReplay("Its body is no JSON object, so it cannot be given another id.")
    job_id = str(uuid.uuid5(_NEW_IDS, letter.id))
    return job_id, json.dumps({**body, "id": job_id}).encode()


def _make_sure_that_it_runs(letter: Letter, job_id: str) -> None:
    try:
        job = jobs.get(job_id)
    except JobNotFound:
        return
    if job.status.is_terminal:
        end = "was refused" if job.status is JobStatus.INVALID else f"has ended {job.status}"
        raise CannotReplay(
            f"Job {job_id} {end} ({job.status_message}), and that is final. With --new-id it runs as another job."
        )
    if not _asks_for(letter, job):
        raise CannotReplay(
            f"Job {job_id} is another request under the same id. With --new-id this one runs as another job."
        )


def _asks_for(letter: Letter, job: Job) -> bool:
    try:
        request = load_job_request({**(_request_in(letter) or {}), "id": job.id})
    except InvalidInput:
        return False
    return request_digest(request) == job.digest


def _request_in(letter: Letter) -> dict[str, Any] | None:
    try:
        found = json.loads(letter.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
