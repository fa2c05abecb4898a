"""Errors as problem documents (RFC 9457), with Genie's status codes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import marshmallow as ma
from flask import Flask, Response, json, request
from mongoengine.errors import OperationError
from pymongo.errors import PyMongoError
from werkzeug.exceptions import HTTPException

from ...models.database_errors import is_away
from ...models.errors import (
    BadSetting,
    CatalogConflict,
    InvalidInput,
    JobConflict,
    JobNotFound,
    NotFound,
    Retryable,
    TagfleetError,
    Unresolvable,
)
from ...models.storage.base import AccessRefused, FileMissing
from ..dead_letters import NoRabbitMq, NoSuchLetter

log = logging.getLogger(__name__)

#: When a client may ask again for what does not work for now, in seconds.
RETRY_SECONDS: Final = 5


class FieldProblemSchema(ma.Schema):
    """One thing that is wrong in a request."""

    field = ma.fields.String(
        metadata={"description": "The path of the field, or empty for the whole."}
    )
    detail = ma.fields.String(metadata={"description": "What is wrong with it."})


class ProblemSchema(ma.Schema):
    """A problem document (RFC 9457)."""

    type = ma.fields.String(metadata={"description": "Always `about:blank`: the status says it."})
    title = ma.fields.String(metadata={"description": "The status in words."})
    status = ma.fields.Integer(metadata={"description": "The HTTP status code."})
    detail = ma.fields.String(metadata={"description": "What went wrong, and what to do next."})
    instance = ma.fields.String(metadata={"description": "The path that was asked for."})
    errors = ma.fields.List(
        ma.fields.Nested(FieldProblemSchema),
        metadata={"description": "Each field that is wrong."},
    )
    rationale = ma.fields.Dict(
        metadata={"description": "What was considered, where no cluster answers the request."}
    )


class Problem(TagfleetError):
    """A request that is answered with an error which is HTTP's own.

    Arguments:
        status: The HTTP status.
        detail: What went wrong, and what to do next.
        retry_after: When it may be tried again, in seconds.
        errors: Each field that is wrong, with what is wrong with it.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        retry_after: int | None = None,
        errors: Sequence[tuple[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.retry_after, self.errors = status, retry_after, tuple(errors)
        self.headers = headers or {}


#: What an error of ours means in HTTP; the first row whose class fits. What is in no row is a mistake of ours.
STATUS: Final[tuple[tuple[type[Exception], int], ...]] = (
    (JobNotFound, 404),
    (NotFound, 404),
    (NoSuchLetter, 404),
    (NoRabbitMq, 404),
    (JobConflict, 409),
    (CatalogConflict, 409),
    # Genie's word for a request that can be read but not be carried out.
    (InvalidInput, 412),
    (Unresolvable, 412),
    (FileMissing, 404),
    (AccessRefused, 503),
    (BadSetting, 503),
    (Retryable, 503),
)


def install(app: Flask) -> None:
    """Answer every error of the application with a problem document."""
    app.register_error_handler(Problem, _of_problem)
    app.register_error_handler(TagfleetError, _of_ours)
    app.register_error_handler(PyMongoError, _of_database)
    app.register_error_handler(OperationError, _of_database)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, _of_the_unforeseen)


def problem(
    status: int,
    detail: str,
    *,
    errors: Sequence[tuple[str, str]] = (),
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """The answer that carries a problem document."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": detail,
        "instance": request.path,
    }
    if errors:
        document["errors"] = [{"field": field, "detail": text} for field, text in errors]
    document |= {name: value for name, value in more.items() if value is not None}
    answer = Response(json.dumps(document), status, mimetype="application/problem+json")
    answer.headers.update(headers or {})
    return answer


def of_http(error: HTTPException) -> Response:
    """An error that Flask, Werkzeug or webargs raised."""
    if error.response is not None and isinstance(error.response, Response):
        return error.response
    status = error.code or 500
    data: dict[str, Any] = getattr(error, "data", None) or {}
    if messages := data.get("messages"):
        return problem(400, "The request cannot be used.", errors=list(_flat(messages)))
    headers = {
        name: value
        for name, value in error.get_headers()
        if name not in ("Content-Type", "Content-Length")
    }
    return problem(status, _detail(status, error.description or ""), headers=headers)


def _of_problem(error: Problem) -> Response:
    headers = dict(error.headers)
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return problem(error.status, str(error), errors=error.errors, headers=headers)


def _of_ours(error: TagfleetError) -> Response:
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    if status == 500:
        return _of_the_unforeseen(error)
    if status == 503:
        log.warning(f"Not served for now: {error}", extra={"action": "unavailable"})
    return problem(
        status,
        str(error),
        errors=_fields_of(error),
        headers={"Retry-After": str(RETRY_SECONDS)} if status == 503 else None,
        rationale=dict(error.rationale) if isinstance(error, Unresolvable) else None,
    )


def _of_database(error: Exception) -> Response:
    if not is_away(error):
        return _of_the_unforeseen(error)
    log.warning(f"MongoDB cannot be reached: {error}", extra={"action": "unavailable"})
    return problem(
        503,
        "MongoDB cannot be reached for now; ask again. Nothing of the request was done unless it says so.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _of_the_unforeseen(error: Exception) -> Response:
    log.error("A request failed.", exc_info=error, extra={"action": "request-failed"})
    return problem(500, "The server made a mistake; its log says which.")


def _fields_of(error: TagfleetError) -> list[tuple[str, str]]:
    if not isinstance(error, InvalidInput):
        return []
    # Each sentence begins with its path, except those that speak of the whole.
    found = []
    for text in error.problems:
        path, separator, detail = text.partition(": ")
        found.append((path, detail) if separator and " " not in path else ("", text))
    return found


def _flat(messages: object, path: str = "") -> Sequence[tuple[str, str]]:
    if isinstance(messages, dict):
        # The first key is webargs' name for the place: json, query, ...
        return [
            found
            for key, inner in messages.items()
            for found in _flat(inner, path if key in _PLACES else f"{path}.{key}".lstrip("."))
        ]
    if isinstance(messages, list):
        return [(path, str(text).rstrip(".")) for text in messages]
    return [(path, str(messages))]


_PLACES: Final = ("json", "query", "form", "files", "headers", "_schema")


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _detail(status: int, text: str) -> str:
    match status:
        case 404:
            return f"There is nothing at {request.path}."
        case 405:
            return f"{request.method} is not possible at {request.path}."
        case 413:
            return (
                "The body is larger than is taken here (TAGFLEET_MAX_BODY_BYTES, and TAGFLEET_MAX_ATTACHMENT_BYTES "
                "for files): put large files into a store, and name them as dependencies."
            )
    return text
