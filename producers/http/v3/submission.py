"""Takes a job on: checked, its files kept, and recorded before it is answered."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import g, request
from marshmallow import ValidationError
from mongoengine.errors import OperationError
from pymongo.errors import PyMongoError
from werkzeug.datastructures import FileStorage

from ....models import jobs
from ....models.database_errors import is_away
from ....models.errors import InvalidInput
from ....models.fields import Identifier
from ....models.resources import JobRequest
from ....models.schemas import dump_job_request, load_job_request
from ...submit import record
from ..admission import check_admitted
from ..backlog import backlog, check_open
from ..bodies import parse, read_json, reading
from ..identity import caller
from ..problems import Problem
from ..services import Services, services
from .attachments import Attachment, keep, read_attachments

log = logging.getLogger(__name__)

#: What a request holds besides its attachments and its JSON: the heads of its parts.
_HEADS_BYTES: Final = 1024 * 1024


def submit() -> str:
    """Submit the job of the present request; gives its id. On return it is safe.

    Raises:
        Problem: 400, 403, 413, 415, 429 or 503; says why.
        InvalidInput: Something is wrong with the request.
        Unresolvable: The rules refuse it, or nothing answers it and nothing is expected to.
        JobConflict: Its id belongs to a job with another body.
    """
    door = services()
    check_open(door)
    body, attachments = _read(door)
    asked = _request_of(body, attachments, door)
    caller().check_acts_for(asked.user, f"submit jobs as {asked.user}")
    g.job_id = asked.id
    try:
        if not jobs.is_recorded(asked):
            _take_on(door, asked, attachments)
    except (PyMongoError, OperationError) as error:
        if not is_away(error) or not door.publisher:
            raise
        # The broker keeps it, confirmed, until the database is back.
        log.warning(f"Published, not recorded: {error}", extra={"action": "published"})
        keep(attachments, asked.id, door.staging)
        door.publisher.publish(dump_job_request(asked), job_id=asked.id)
    return asked.id


def _take_on(door: Services, asked: JobRequest, attachments: Sequence[Attachment]) -> None:
    backlog.check()
    rules = door.rules.now()
    check_admitted(door, rules, asked)
    # Before it is recorded: a worker may stage it at once.
    keep(attachments, asked.id, door.staging)
    record(door.settings, rules.rules, asked)


def _read(door: Services) -> tuple[Any, list[Attachment]]:
    """The request as JSON data, and the files that came with it."""
    if request.mimetype != "multipart/form-data":
        return read_json(), []
    settings = door.settings
    request.max_content_length = (
        settings.max_body_bytes + settings.max_attachment_bytes + _HEADS_BYTES
    )
    with reading():
        request.files  # noqa: B018 - parsed when it is first looked at
    if "attachment" in request.form:
        raise Problem(
            400,
            "An attachment is a file: send its part with a file name (curl: -F attachment=@file).",
        )
    if "request" in request.files:  # Genie's client sends it as a file without a name
        text: bytes | str = _limited(request.files["request"], settings.max_body_bytes)
    elif "request" in request.form:
        text = request.form["request"]
    else:
        raise Problem(400, "Expected a part called 'request' with the job request as JSON.")
    files = request.files.getlist("attachment")
    return parse(text), read_attachments(files, settings.max_attachment_bytes)


def _limited(part: FileStorage, limit: int) -> bytes:
    text = part.stream.read(limit + 1)
    if len(text) > limit:
        raise Problem(413, f"The job request is larger than {limit} bytes.")
    return text


def _request_of(body: Any, attachments: Sequence[Attachment], door: Services) -> JobRequest:
    if not isinstance(body, Mapping):
        raise Problem(400, f"Expected a job request as a JSON object, found {type(body).__name__}.")
    body = dict(body)
    if not body.get("id"):
        body["id"] = str(uuid.uuid4())
    # Who has said who they are need not say it twice.
    if body.get("user") is None and (name := caller().name):
        body["user"] = name
    if attachments:
        body["id"] = _checked_id(body["id"])
        own = body.get("attachments") or []
        if not isinstance(own, list):
            raise InvalidInput("job request", ["attachments: Not a valid list"])
        body["attachments"] = [
            *own,
            *(door.staging.uri(each.place(body["id"])) for each in attachments),
        ]
    return load_job_request(body)


def _checked_id(job_id: object) -> str:
    """The id becomes a part of a path."""
    try:
        return str(Identifier().deserialize(job_id))
    except ValidationError as error:
        raise InvalidInput("job request", [f"id: {text}" for text in error.messages]) from error
