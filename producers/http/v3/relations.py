"""Which entries of the catalog belong together: applications and the commands that need them, commands and clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from ....models import catalog, catalog_edits
from ....models.resources import AnyResource, Command
from ..bodies import read_texts
from ..security.roles import Role, needs
from . import cluster_commands, examples, lookup
from .answers import problems, texts_body, without_content
from .described import ENTRIES
from .filters import ClusterStatusQuery, CommandStatusQuery
from .shapes import answer_list


def add(blueprint: Blueprint, kind: str) -> None:
    """Add what the entries of a kind lead to, to its blueprint."""
    match kind:
        case "applications":
            _add_commands_of_application(blueprint)
        case "commands":
            _add_clusters_of_command(blueprint)
            _add_applications_of_command(blueprint)
        case "clusters":
            cluster_commands.add(blueprint)


def _add_commands_of_application(blueprint: Blueprint) -> None:
    @blueprint.route("/<string:entry_id>/commands", endpoint="commands", methods=["GET"])
    @blueprint.doc(summary="Commands that need it", operationId="get_commands_of_application")
    @blueprint.arguments(CommandStatusQuery, location="query")
    @blueprint.response(200, ENTRIES["commands"](many=True))
    @problems(blueprint, 400, 404)
    @needs(Role.READER)
    def commands(query: dict[str, Any], entry_id: str) -> Response:
        """The commands that name this application."""
        catalog.get_resource("applications", entry_id)
        found = [each for each in lookup.commands() if entry_id in each.applications]
        return answer_list("commands", lookup.of_status(found, query))


def _add_clusters_of_command(blueprint: Blueprint) -> None:
    @blueprint.route("/<string:entry_id>/clusters", endpoint="clusters", methods=["GET"])
    @blueprint.doc(summary="Clusters it may run on", operationId="get_clusters_of_command")
    @blueprint.arguments(ClusterStatusQuery, location="query")
    @blueprint.response(200, ENTRIES["clusters"](many=True))
    @problems(blueprint, 400, 404)
    @needs(Role.READER)
    def clusters(query: dict[str, Any], entry_id: str) -> Response:
        """The clusters that the command's criteria mean."""
        command = lookup.command(entry_id)
        found = [each for each in lookup.clusters() if lookup.runs_on(command, each)]
        return answer_list("clusters", lookup.of_status(found, query))


def _add_applications_of_command(blueprint: Blueprint) -> None:
    @blueprint.route("/<string:entry_id>/applications", endpoint="applications")
    class Applications(MethodView):
        @blueprint.doc(summary="Its applications", operationId="get_applications_of_command")
        @blueprint.response(200, ENTRIES["applications"](many=True))
        @problems(blueprint, 404)
        @needs(Role.READER)
        def get(self, entry_id: str) -> Response:
            """Applications, in the order of their set-up."""
            ids = lookup.command(entry_id).applications
            known = {each.id: each for each in lookup.applications()}
            return answer_list("applications", [known[each] for each in ids if each in known])

        @blueprint.doc(
            summary="Add applications",
            operationId="add_applications_to_command",
            **texts_body("Ids of applications.", examples.APPLICATION["id"]),
        )
        @blueprint.response(204)
        @problems(blueprint, 400, 404, 409, 415)
        @needs(Role.ADMIN)
        def post(self, entry_id: str) -> Response:
            """Set up further applications, after those that are there."""
            ids = _known_applications()
            return _with_applications(entry_id, lambda there: [*there, *ids])

        @blueprint.doc(
            summary="Replace its applications",
            operationId="set_applications_of_command",
            **texts_body("Ids of applications.", examples.APPLICATION["id"]),
        )
        @blueprint.response(204)
        @problems(blueprint, 400, 404, 409, 415)
        @needs(Role.ADMIN)
        def put(self, entry_id: str) -> Response:
            """Set up these applications, in this order, and no others."""
            ids = _known_applications()
            return _with_applications(entry_id, lambda _: ids)

        @blueprint.doc(
            summary="Remove its applications", operationId="remove_applications_of_command"
        )
        @blueprint.response(204)
        @problems(blueprint, 404, 409)
        @needs(Role.ADMIN)
        def delete(self, entry_id: str) -> Response:
            """Set up no applications for the command."""
            return _with_applications(entry_id, lambda _: [])

    @blueprint.route(
        "/<string:entry_id>/applications/<string:application_id>",
        endpoint="application",
        methods=["DELETE"],
    )
    @blueprint.doc(summary="Remove an application", operationId="remove_application_of_command")
    @blueprint.response(204)
    @problems(blueprint, 404, 409)
    @needs(Role.ADMIN)
    def application(entry_id: str, application_id: str) -> Response:
        """Set up this application no longer; nothing changes where the command has none such."""
        return _with_applications(
            entry_id, lambda there: [each for each in there if each != application_id]
        )


def _known_applications() -> list[str]:
    found = lookup.named("applications", lookup.applications(), read_texts("ids"))
    return [each.id for each in found]


def _with_applications(command_id: str, new: Callable[[list[str]], list[str]]) -> Response:
    def edit(before: AnyResource) -> AnyResource:
        assert isinstance(before, Command)
        return replace(before, applications=tuple(dict.fromkeys(new([*before.applications]))))

    catalog_edits.change("commands", command_id, edit)
    return without_content()
