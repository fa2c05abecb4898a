"""The errors of the API in its OpenAPI document: each once, with an example."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

_TYPE: Final = "application/problem+json"

_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}

#: For each status: its name among the components, what it means, an example's path and what that says beside.
_ERRORS: Final[dict[int, tuple[str, str, str, dict[str, Any]]]] = {
    400: (
        "BadRequest",
        "The body is no JSON of the right kind, or a parameter cannot be used.",
        "/api/v3/jobs",
        {
            "title": "Bad Request",
            "detail": "The request cannot be used.",
            "errors": [{"field": "page", "detail": "Not a valid integer"}],
        },
    ),
    401: (
        "Unauthorized",
        "The server asks who calls, and there is no token, or none that holds.",
        "/api/v3/jobs",
        {"title": "Unauthorized", "detail": "Send a token: Authorization: Bearer ..."},
    ),
    403: (
        "Forbidden",
        "Whoever calls may not do that.",
        "/api/v3/clusters",
        {"title": "Forbidden", "detail": "ana is a submitter; this needs the role admin."},
    ),
    404: (
        "NotFound",
        "There is no such thing.",
        "/api/v3/jobs/job-1",
        {"title": "Not Found", "detail": "There is no job with the id 'job-1'."},
    ),
    409: (
        "Conflict",
        "It does not go with what is there: the id belongs to something else, or something needs it.",
        "/api/v3/jobs",
        {
            "title": "Conflict",
            "detail": "The id 'job-1' belongs to a job with another body: take another id.",
        },
    ),
    412: (
        "PreconditionFailed",
        "The request can be read, and something in it is wrong; or the rules refuse it, or nothing answers it.",
        "/api/v3/jobs",
        {
            "title": "Precondition Failed",
            "detail": "The job request cannot be used: name: must not be blank.",
            "errors": [{"field": "name", "detail": "must not be blank"}],
        },
    ),
    413: (
        "TooLarge",
        "The body is too large.",
        "/api/v3/jobs",
        {
            "title": "Request Entity Too Large",
            "detail": "The job request is larger than 1048576 bytes.",
        },
    ),
    414: (
        "UriTooLong",
        "The address is too long, its query included: 8190 bytes with method and version. Of no kind that one "
        "would read by a program, for it never reaches the application.",
        "",
        {},
    ),
    415: (
        "UnsupportedMediaType",
        "The body is of another type than those that are listed.",
        "/api/v3/jobs",
        {
            "title": "Unsupported Media Type",
            "detail": "Expected application/json, found application/xml.",
        },
    ),
    416: (
        "RangeNotSatisfiable",
        "There is nothing in the range.",
        "/api/v3/jobs/job-1/output/stdout",
        {
            "title": "Requested Range Not Satisfiable",
            "detail": "The file has 12 bytes, and there is nothing in the range.",
        },
    ),
    429: (
        "TooManyRequests",
        "Too much at once: ask again after `Retry-After` seconds.",
        "/api/v3/jobs",
        {
            "title": "Too Many Requests",
            "detail": "10,000 jobs wait to be routed: submit it again later, under the same id.",
        },
    ),
    503: (
        "ServiceUnavailable",
        "A service is away for now: ask again after `Retry-After` seconds.",
        "/api/v3/jobs",
        {
            "title": "Service Unavailable",
            "detail": "MongoDB cannot be reached for now; ask again.",
        },
    ),
}

_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "When to ask again, in seconds.",
        "schema": {"type": "integer", "minimum": 0},
    }
}

_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {
        "WWW-Authenticate": {
            "description": "`Bearer`, and what is wrong.",
            "schema": {"type": "string"},
        }
    },
    416: {
        "Content-Range": {
            "description": "How long the file is: `bytes */12`.",
            "schema": {"type": "string"},
        }
    },
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}


def responses() -> dict[str, Any]:
    """Every error as a component."""
    return {
        name: _response(status, text, path, example)
        for status, (name, text, path, example) in _ERRORS.items()
    }


def expected(*, public: bool, has_parts: bool, has_body: bool) -> set[int]:
    """The errors that an operation may answer with, whatever it does.

    Arguments:
        public: Nobody is asked who they are.
        has_parts: Its path has parameters.
        has_body: It reads a body.
    """
    found: set[int] = set() if public else {400, 401, 403, 414, 429, 503}
    if has_parts:
        found.add(404)
    if has_body:
        found |= {413, 415}
    return found


def add(answers: dict[str, Any], statuses: Iterable[int]) -> None:
    """Refer to the errors' components, for these statuses and for those that the view itself names."""
    named = {int(status) for status, answer in answers.items() if _is_problem(answer)}
    for status in {*statuses, *named}:
        if status in _ERRORS and (str(status) not in answers or status in named):
            answers[str(status)] = {"$ref": f"#/components/responses/{_ERRORS[status][0]}"}


def _is_problem(answer: dict[str, Any]) -> bool:
    return [*answer.get("content", ())] == [_TYPE]


def _response(status: int, text: str, path: str, example: dict[str, Any]) -> dict[str, Any]:
    if not example:
        return {"description": text, "content": {"text/html": {"schema": {"type": "string"}}}}
    whole = {
        "type": "about:blank",
        "title": example["title"],
        "status": status,
        "detail": example["detail"],
        "instance": path,
        **example,
    }
    found: dict[str, Any] = {"description": text}
    if headers := _HEADERS.get(status):
        found["headers"] = headers
    return found | {"content": {_TYPE: {"schema": _PROBLEM, "example": whole}}}
