"""Applications, commands and clusters: create, list, get, replace, patch, delete."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from flask_smorest import Blueprint

from ....models import catalog, catalog_edits
from ....models.errors import CatalogConflict, InvalidInput
from ....models.resources import AnyResource, Command
from ..bodies import read_json
from ..hal import address, listing
from ..paging import Wanted
from ..security.roles import Role, needs
from . import examples
from .answers import LOCATION, empty, json_body, problems, without_content
from .described import ENTRIES, PAGES, PATCH
from .filters import QUERIES, chosen, in_order
from .patching import patched
from .shapes import LISTS, SCHEMAS, as_data, read_entry, shown


def add(blueprint: Blueprint, kind: str) -> None:
    """Add the entries of a kind (`applications`, `commands`, `clusters`) to its blueprint."""
    _add_collection(blueprint, kind)
    _add_entry(blueprint, kind)


def check_applications(resource: AnyResource) -> None:
    """Make sure that the applications of a command are there.

    Raises:
        InvalidInput: One is not.
    """
    if not isinstance(resource, Command) or not resource.applications:
        return
    known = {each.id for each in catalog.list_resources("applications")}
    missing = [each for each in resource.applications if each not in known]
    if missing:
        raise InvalidInput("command", [f"applications: there is no {each!r}" for each in missing])


def _add_collection(blueprint: Blueprint, kind: str) -> None:
    one, schema = kind.removesuffix("s"), SCHEMAS[kind]

    @blueprint.route("", endpoint="all")
    class Collection(MethodView):
        @blueprint.doc(summary=f"List {kind}", operationId=f"list_{kind}")
        @blueprint.arguments(QUERIES[kind], location="query")
        @blueprint.response(200, PAGES[kind], description=f"A page of {kind}.")
        @problems(blueprint, 400)
        @needs(Role.READER)
        def get(self, query: dict[str, Any]) -> Response:
            """Those that fit all that is asked for; what was changed last comes first unless it is said otherwise."""
            wanted = Wanted.of(query)
            found = in_order(chosen(catalog.list_resources(kind), query), wanted)
            page = wanted.cut([shown(kind, each) for each in found])
            return jsonify(listing(LISTS[kind], page, kind))

        @blueprint.doc(
            summary=f"Create a{'n' if one[0] == 'a' else ''} {one}",
            operationId=f"create_{one}",
            **json_body(schema, examples.ENTRIES[kind]),
        )
        @blueprint.response(
            201, description="Created; `Location` says where it is.", headers=LOCATION
        )
        @problems(blueprint, 400, 409, 412, 415)
        @needs(Role.ADMIN)
        def post(self) -> Response:
            """Put a new entry into the catalog; its id is made where it is not given."""
            resource = read_entry(kind, read_json())
            check_applications(resource)
            catalog_edits.create(kind, resource)
            return empty(201, address(kind, resource.id))

        @blueprint.doc(summary=f"Delete all {kind}", operationId=f"delete_{kind}")
        @blueprint.response(204)
        @problems(blueprint, 409)
        @needs(Role.ADMIN)
        def delete(self) -> Response:
            """Take all of them out of the catalog; jobs that run go on."""
            _check_unused(kind, None)
            catalog_edits.delete(kind)
            return without_content()


def _add_entry(blueprint: Blueprint, kind: str) -> None:
    one, schema = kind.removesuffix("s"), SCHEMAS[kind]

    @blueprint.route("/<string:entry_id>", endpoint="one")
    class Entry(MethodView):
        @blueprint.doc(summary=f"Get one of the {kind}", operationId=f"get_{one}")
        @blueprint.response(200, ENTRIES[kind])
        @problems(blueprint, 404)
        @needs(Role.READER)
        def get(self, entry_id: str) -> Response:
            """An entry of the catalog, as it is now."""
            return jsonify(shown(kind, catalog.get_resource(kind, entry_id)))

        @blueprint.doc(
            summary=f"Replace one of the {kind}",
            operationId=f"replace_{one}",
            **json_body(schema, examples.replacement(kind)),
        )
        @blueprint.response(204)
        @problems(blueprint, 400, 404, 409, 412, 415)
        @needs(Role.ADMIN)
        def put(self, entry_id: str) -> Response:
            """Give an entry another content; what is not sent is gone."""
            data = read_json()

            def replaced(before: AnyResource) -> AnyResource:
                after = read_entry(kind, data, resource_id=entry_id, before=before)
                check_applications(after)
                return after

            catalog_edits.change(kind, entry_id, replaced)
            return without_content()

        @blueprint.doc(
            summary=f"Change one of the {kind} by a JSON Patch",
            operationId=f"patch_{one}",
            **json_body(PATCH, examples.PATCH, "application/json-patch+json"),
        )
        @blueprint.response(204)
        @problems(blueprint, 400, 404, 409, 412, 413, 415)
        @needs(Role.ADMIN)
        def patch(self, entry_id: str) -> Response:
            """Carry out all operations of a JSON Patch (RFC 6902) on an entry, or none."""
            operations = read_json()

            def changed(before: AnyResource) -> AnyResource:
                data = patched(as_data(kind, before), operations)
                after = read_entry(kind, data, resource_id=entry_id, before=before)
                check_applications(after)
                return after

            catalog_edits.change(kind, entry_id, changed)
            return without_content()

        @blueprint.doc(summary=f"Delete one of the {kind}", operationId=f"delete_{one}")
        @blueprint.response(204)
        @problems(blueprint, 404, 409)
        @needs(Role.ADMIN)
        def delete(self, entry_id: str) -> Response:
            """Take an entry out of the catalog; jobs that run go on."""
            _check_unused(kind, entry_id)
            catalog_edits.delete(kind, [entry_id])
            return without_content()


def _check_unused(kind: str, entry_id: str | None) -> None:
    """An application that a command needs stays: each job of that command would fail.

    Raises:
        CatalogConflict: A command needs it.
    """
    if kind != "applications":
        return
    for command in catalog.list_resources("commands"):
        assert isinstance(command, Command)
        needed = command.applications if entry_id is None else {entry_id} & {*command.applications}
        for application in sorted(needed):
            raise CatalogConflict(
                f"The application {application!r} is needed by the command {command.id!r}: "
                "take it from there first."
            )
