"""The lists within an entry of the catalog: configs, dependencies, tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from flask import Response, jsonify
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import ValidationError

from ....models import catalog, catalog_edits
from ....models.errors import InvalidInput
from ....models.resources import AnyResource
from ..bodies import read_texts
from ..problems import Problem
from ..security.roles import Role, needs
from . import examples
from .answers import problems, texts_body, without_content
from .shapes import SCHEMAS, as_data

PARTS: Final = ("configs", "dependencies", "tags")

_TEXTS: Final = {"type": "array", "items": {"type": "string"}}


def add(blueprint: Blueprint, kind: str) -> None:
    """Add the parts of a kind's entries to its blueprint."""
    for part in PARTS:
        _add_part(blueprint, kind, part)
    _add_tag(blueprint, kind)


def _add_part(blueprint: Blueprint, kind: str, part: str) -> None:
    one = kind.removesuffix("s")

    @blueprint.route(f"/<string:entry_id>/{part}", endpoint=part)
    class Part(MethodView):
        @blueprint.doc(summary=f"Get the {part}", operationId=f"get_{part}_of_{one}")
        @blueprint.response(200, _TEXTS)
        @problems(blueprint, 404)
        @needs(Role.READER)
        def get(self, entry_id: str) -> Response:
            """The list as it is now; among the tags are those that say the entry's id and name."""
            return jsonify(as_data(kind, catalog.get_resource(kind, entry_id)).get(part, []))

        @blueprint.doc(
            summary=f"Add {part}",
            operationId=f"add_{part}_to_{one}",
            **texts_body(f"The {part} to add.", *examples.PARTS[part]),
        )
        @blueprint.response(204)
        @problems(blueprint, 400, 404, 409, 412, 415)
        @needs(Role.ADMIN)
        def post(self, entry_id: str) -> Response:
            """Add to the list what it does not have yet."""
            return _changed(kind, entry_id, part, lambda there, sent: [*there, *sent])

        @blueprint.doc(
            summary=f"Replace the {part}",
            operationId=f"set_{part}_of_{one}",
            **texts_body(f"All {part}.", *examples.PARTS[part]),
        )
        @blueprint.response(204)
        @problems(blueprint, 400, 404, 409, 412, 415)
        @needs(Role.ADMIN)
        def put(self, entry_id: str) -> Response:
            """Put another list in place of the whole."""
            return _changed(kind, entry_id, part, lambda _, sent: sent)

        @blueprint.doc(summary=f"Remove all {part}", operationId=f"remove_{part}_of_{one}")
        @blueprint.response(204)
        @problems(blueprint, 404, 409)
        @needs(Role.ADMIN)
        def delete(self, entry_id: str) -> Response:
            """Empty the list."""
            return _written(kind, entry_id, part, lambda _: [])


def _add_tag(blueprint: Blueprint, kind: str) -> None:
    one = kind.removesuffix("s")

    # A tag may have a slash in it.
    @blueprint.route("/<string:entry_id>/tags/<path:tag>", endpoint="tag")
    class Tag(MethodView):
        @blueprint.doc(summary="Remove a tag", operationId=f"remove_tag_of_{one}")
        @blueprint.response(204)
        @problems(blueprint, 404, 409, 412)
        @needs(Role.ADMIN)
        def delete(self, entry_id: str, tag: str) -> Response:
            """Take a tag from the entry; nothing changes where it has none such."""
            return _written(
                kind, entry_id, "tags", lambda there: [each for each in there if each != tag]
            )


def _changed(
    kind: str, entry_id: str, part: str, combine: Callable[[list[str], list[str]], list[str]]
) -> Response:
    sent = read_texts(part)
    return _written(kind, entry_id, part, lambda there: combine(there, sent))


def _written(
    kind: str, entry_id: str, part: str, new: Callable[[list[str]], list[str]]
) -> Response:
    def edit(before: AnyResource) -> AnyResource:
        there = getattr(before, part)
        wanted = dict.fromkeys(new(sorted(there) if part == "tags" else list(there)))
        return replace(before, **{part: _checked(kind, part, wanted)})

    catalog_edits.change(kind, entry_id, edit)
    return without_content()


def _checked(kind: str, part: str, values: Iterable[str]) -> Any:
    """The values as the field of the entry takes them.

    Raises:
        InvalidInput: One is too long, or blank.
    """
    field = SCHEMAS[kind]().fields[part]
    try:
        found = field.deserialize(list(values))
    except ValidationError as error:
        messages = error.messages
        if not isinstance(messages, dict):
            raise Problem(400, str(messages)) from error
        problems = [f"{part}[{at}]: {' '.join(texts)}" for at, texts in messages.items()]
        raise InvalidInput(kind.removesuffix("s"), problems) from error
    if part == "tags":
        return frozenset(tag for tag in found if not tag.startswith(("genie.id:", "genie.name:")))
    return found
