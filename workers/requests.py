"""Reads a job request from a message, or says why it cannot be used."""

from __future__ import annotations

import json
from typing import Any

from marshmallow import ValidationError

from ..models import jobs
from ..models.errors import InvalidInput
from ..models.fields import Identifier
from ..models.resources import JobRequest
from ..models.schemas import load_job_request
from .broker.delivery import Delivery
from .bus import RequestBus
from .fleet import Fleet
from .publishers import Publishers

#: Of a reason, as many characters are kept.
REASON_LENGTH = 2_000


class Refused(InvalidInput):
    """The message is not a job request; carries what could be read of it."""

    def __init__(self, error: InvalidInput, job_id: str | None, body: dict[str, Any]) -> None:
        super().__init__(error.what, error.problems)
        self.job_id, self.body = job_id, body

    @property
    def reason(self) -> str:
        """Why, in a length that fits a header."""
        return str(self)[:REASON_LENGTH]


def read_request(delivery: Delivery, publishers: Publishers) -> JobRequest:
    """Check the body of a message and build its request.

    The id is the body's, or else the `message_id` of the message: a producer that sends both sends one.

    Raises:
        Refused: The body is no JSON, no job request, its id differs from the message's, or its user is
            not whom the publisher may publish for.
    """
    try:
        body = _parse(delivery.body)
    except InvalidInput as error:
        raise Refused(error, _usable_id(delivery.message_id), {}) from error
    job_id = _usable_id(body.get("id")) or _usable_id(delivery.message_id)
    try:
        if (
            delivery.message_id
            and body.setdefault("id", delivery.message_id) != delivery.message_id
        ):
            raise InvalidInput(
                "job request",
                [
                    f"id: {body['id']!r} differs from the message's message_id {delivery.message_id!r}"
                ],
            )
        request = load_job_request(body)
        if "id" not in body:
            problem = (
                "id: missing; set it, or the message's message_id, so that a retry is the same job"
            )
            raise InvalidInput("job request", [problem])
        publishers.check(delivery.user_id, request.user)
        return request
    except InvalidInput as error:
        raise Refused(error, job_id, body) from error


def identified(delivery: Delivery) -> tuple[str | None, dict[str, Any]]:
    """The id and the body of what may be no request at all, as far as they can be read."""
    try:
        body = _parse(delivery.body)
    except InvalidInput:
        body = {}
    return _usable_id(body.get("id")) or _usable_id(delivery.message_id), body


def refuse(
    fleet: Fleet, bus: RequestBus, delivery: Delivery, refused: Refused, tag_group: str
) -> None:
    """Keep the message as a dead letter; who asks for its id is told the same reason."""
    if refused.job_id:
        jobs.record_invalid(
            refused.job_id, refused.reason, refused.body, tag_group=tag_group, worker=fleet.worker
        )
    bus.dead_letter(delivery, refused.reason)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise InvalidInput("message body", ["nested too deeply"]) from None
    except ValueError as error:
        raise InvalidInput("message body", [f"not valid JSON: {error}"]) from error
    if not isinstance(found, dict):
        raise InvalidInput(
            "message body", [f"expected a JSON object, found {type(found).__name__}"]
        )
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name in found if sum(name == other for other, _ in pairs) > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _usable_id(candidate: object) -> str | None:
    if not isinstance(candidate, str):
        return None
    try:
        return str(Identifier().deserialize(candidate))
    except ValidationError:
        return None
