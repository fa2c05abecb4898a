"""A cluster's commands, in Genie 3's way.

Genie 3 listed the commands of each cluster. Here, a command says by criteria which clusters it runs on. Adding a
command to a cluster gives it one more criterion, which asks for the cluster's id; removing it takes that away.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from ....models import catalog_edits
from ....models.errors import CatalogConflict
from ....models.resources import AnyResource, Cluster, Command, Criterion
from ..bodies import read_texts
from ..security.roles import Role, needs
from . import examples, lookup
from .answers import problems, texts_body, without_content
from .described import ENTRIES
from .filters import CommandStatusQuery
from .shapes import answer_list


def add(blueprint: Blueprint) -> None:
    """Add the commands of a cluster to the blueprint of the clusters."""

    @blueprint.route("/<string:entry_id>/commands", endpoint="commands")
    class Commands(MethodView):
        @blueprint.doc(summary="Commands that run on it", operationId="get_commands_of_cluster")
        @blueprint.arguments(CommandStatusQuery, location="query")
        @blueprint.response(200, ENTRIES["commands"](many=True))
        @problems(blueprint, 400, 404)
        @needs(Role.READER)
        def get(self, query: dict[str, Any], entry_id: str) -> Response:
            """The commands whose criteria mean this cluster; they have no order."""
            cluster = lookup.cluster(entry_id)
            found = [each for each in lookup.commands() if lookup.runs_on(each, cluster)]
            return answer_list("commands", lookup.of_status(found, query))

        @blueprint.doc(
            summary="Let commands run on it",
            operationId="add_commands_to_cluster",
            **texts_body("Ids of commands.", examples.COMMAND["id"]),
        )
        @blueprint.response(204)
        @problems(blueprint, 400, 404, 409, 415)
        @needs(Role.ADMIN)
        def post(self, entry_id: str) -> Response:
            """Give each command one more criterion, which asks for this cluster's id."""
            cluster = lookup.cluster(entry_id)
            for command in _named():
                _allow(command, cluster)
            return without_content()

        @blueprint.doc(
            summary="Let these commands run on it, and no others",
            operationId="set_commands_of_cluster",
            **texts_body("Ids of commands.", examples.COMMAND["id"]),
        )
        @blueprint.response(204)
        @problems(blueprint, 400, 404, 409, 415)
        @needs(Role.ADMIN)
        def put(self, entry_id: str) -> Response:
            """Give these commands a criterion that asks for this cluster's id, and take it from all others."""
            cluster, wanted = lookup.cluster(entry_id), _named()
            ids = {each.id for each in wanted}
            _forbid([each for each in lookup.commands() if each.id not in ids], cluster)
            for command in wanted:
                _allow(command, cluster)
            return without_content()

        @blueprint.doc(summary="Let no command run on it", operationId="remove_commands_of_cluster")
        @blueprint.response(204)
        @problems(blueprint, 404, 409)
        @needs(Role.ADMIN)
        def delete(self, entry_id: str) -> Response:
            """Take the criterion that asks for this cluster's id from all commands."""
            _forbid(lookup.commands(), lookup.cluster(entry_id))
            return without_content()

    @blueprint.route(
        "/<string:entry_id>/commands/<string:command_id>", endpoint="command", methods=["DELETE"]
    )
    @blueprint.doc(
        summary="Let a command no longer run on it", operationId="remove_command_of_cluster"
    )
    @blueprint.response(204)
    @problems(blueprint, 404, 409)
    @needs(Role.ADMIN)
    def command(entry_id: str, command_id: str) -> Response:
        """Take the criterion that asks for this cluster's id from a command."""
        _forbid([lookup.command(command_id)], lookup.cluster(entry_id))
        return without_content()


def _named() -> list[Command]:
    return lookup.named("commands", lookup.commands(), read_texts("ids"))


def _allow(command: Command, cluster: Cluster) -> None:
    def edit(before: AnyResource) -> AnyResource:
        assert isinstance(before, Command)
        if lookup.runs_on(before, cluster):
            return before
        # Last: what the command's own criteria prefer stays preferred.
        criteria = (*before.cluster_criteria, Criterion(id=cluster.id))
        return replace(before, cluster_criteria=criteria)

    catalog_edits.change("commands", command.id, edit)


def _forbid(commands: list[Command], cluster: Cluster) -> None:
    """Take the cluster away from commands.

    Raises:
        CatalogConflict: One asks for it by tags, which mean other clusters too; nothing is changed then.
    """
    named = Criterion(id=cluster.id)
    for command in commands:
        others = [each for each in command.cluster_criteria if each != named]
        for criterion in others:
            if lookup.asks_for(criterion, cluster):
                raise CatalogConflict(
                    f"The command {command.id!r} runs on the cluster {cluster.id!r} by its criterion "
                    f"({criterion}), which is not about this cluster alone: change the command's "
                    "clusterCriteria or the cluster's tags."
                )
    for command in commands:
        if named in command.cluster_criteria:
            catalog_edits.change("commands", command.id, lambda before: _without(before, named))


def _without(before: AnyResource, named: Criterion) -> AnyResource:
    assert isinstance(before, Command)
    criteria = tuple(each for each in before.cluster_criteria if each != named)
    return replace(before, cluster_criteria=criteria)
