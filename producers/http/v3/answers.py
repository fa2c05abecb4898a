"""What answers of /api/v3 have in common, and how they are described in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, TypeVar

from flask import Response
from flask_smorest import Blueprint

from ..problems import ProblemSchema

#: Describes the header that says where what was made is.
LOCATION: Final = {
    "Location": {
        "required": True,
        "description": "Its whole address.",
        "schema": {"type": "string", "format": "uri"},
    }
}

View = TypeVar("View", bound=Callable[..., Any])


def empty(status: int, location: str | None = None) -> Response:
    """An answer without a body."""
    answer = Response(status=status)
    del answer.headers["Content-Type"]
    if location:
        answer.headers["Location"] = location
    return answer


def without_content() -> Response:
    """Done, and there is nothing to say."""
    return empty(204)


def json_body(schema: object, example: object, *media_types: str) -> dict[str, Any]:
    """Describes a body that the view reads itself; for `Blueprint.doc`.

    Arguments:
        example: A body that works.
        media_types: Other types than JSON's own that it may be sent as.
    """
    types = ("application/json", *media_types)
    content = {media: {"schema": schema, "example": example} for media in types}
    return {"requestBody": {"required": True, "content": content}}


def texts_body(what: str, *example: str) -> dict[str, Any]:
    """Describes a body that is a list of strings."""
    schema = {"type": "array", "items": {"type": "string"}, "description": what}
    body = json_body(schema, list(example))
    body["requestBody"]["required"] = False  # none is an empty list
    return body


def problems(blueprint: Blueprint, *statuses: int) -> Callable[[View], View]:
    """Describes the errors that a view may answer with."""

    def decorate(view: View) -> View:
        for status in statuses:
            view = blueprint.alt_response(
                status,
                schema=ProblemSchema,
                content_type="application/problem+json",
                description=HTTPStatus(status).phrase,
            )(view)
        return view

    return decorate
