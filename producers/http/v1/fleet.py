"""The fleet as a whole: its overview, and the rules that it goes by."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import marshmallow as ma
from flask import Response, jsonify
from flask_smorest import Blueprint

from ....models import rule_sets
from ....models.states import ClusterStatus, JobStatus
from ....routing_rules.in_force import RulesNow
from ....routing_rules.rule_files.reader import rule_texts
from ....routing_rules.rules import RuleSet
from ..overview import ClusterView, FleetOverview, Health, Waiting, fleet_overview
from ..security.roles import Role, needs
from ..services import Services, services
from ..v3.answers import problems
from .shapes import number, plain, text, texts, thing, things, time

blueprint = Blueprint("fleet", __name__, url_prefix="/api/v1", description="The fleet as a whole")


class ClusterUseSchema(ma.Schema):
    """A cluster as the fleet uses it."""

    id = text("The id of its entry in the catalog.", required=True)
    name = text("What it is called.", required=True)
    status = ma.fields.Enum(
        ClusterStatus, by_value=True, metadata={"description": "Whether it takes jobs."}
    )
    tags = texts("What it is known by.")
    emr_cluster_id = text("EMR's own id of it.", "emrClusterId", allow_none=True)
    slots = number("How many steps run there at once.")
    slots_used = number("How many of its slots jobs hold.", "slotsUsed")
    waiting = number("How many jobs wait for a slot there.")
    health = ma.fields.Enum(
        Health, by_value=True, metadata={"description": "Whether the fleet can work with it."}
    )
    note = text("What the jobs that wait there wait for.", allow_none=True)
    worker = text("Which worker looks after it now.", allow_none=True)
    looked_at = time("When a worker looked at it last.", "lookedAt", allow_none=True)


class WaitingSchema(ma.Schema):
    """Jobs that wait for the same thing."""

    status = ma.fields.Enum(JobStatus, by_value=True, metadata={"description": "Where they stand."})
    reason = text("What they wait for.")
    cluster_id = text("Where they wait for a slot.", "clusterId", allow_none=True)
    jobs = number("How many there are.")
    oldest = time("When the oldest of them was taken on.")


class OverviewSchema(ma.Schema):
    """The fleet at one moment."""

    time = time("When it was looked at.", required=True)
    leader = text(
        "The worker that rings for what waits; null: no worker is there.",
        required=True,
        allow_none=True,
    )
    statuses = thing("How many jobs are in each status; of ended ones, those of 24 hours.")
    tag_groups = thing("The same for each tag group, by its name.", "tagGroups")
    clusters = things(ClusterUseSchema, "Its clusters.", required=True)
    waiting = things(WaitingSchema, "What waits for what, the most jobs first.", required=True)


class RuleFileSchema(ma.Schema):
    """A rule file."""

    name = text("Its name.")
    text = text("Its content.")


class RulesSchema(ma.Schema):
    """The rules in force."""

    digest = text("What the set is told apart by: SHA-256.", required=True)
    version = number("Its version; null: it was never applied.", required=True, allow_none=True)
    applied_by = text("Who applied it.", "appliedBy", allow_none=True)
    applied = time("When it was applied.", allow_none=True)
    note = text("What they said of it.", allow_none=True)
    tag_groups = texts("The queues of requests.", "tagGroups", required=True)
    pools = texts("Its pools.", required=True)
    deny = texts("What refuses requests, in the order in which it is asked.")
    defaults = texts("What fills requests in.")
    overrides = texts("What changes requests.")
    routes = texts("What leads requests to their tag group; the first that matches does.")
    limits = texts("What holds requests back.")
    files = things(RuleFileSchema, "The files that say all that.", required=True)


@blueprint.route("/overview", endpoint="overview", methods=["GET"])
@blueprint.doc(summary="Get the fleet at a glance", operationId="get_overview")
@blueprint.response(200, OverviewSchema)
@problems(blueprint, 503)
@needs(Role.READER)
def overview() -> Response:
    """Jobs by state and tag group, clusters with their slots, and what waits for what."""
    return jsonify(plain(_overview_data(fleet_overview())))


@blueprint.route("/rules", endpoint="rules", methods=["GET"])
@blueprint.doc(summary="Get the rules in force", operationId="get_rules")
@blueprint.response(200, RulesSchema)
@problems(blueprint, 412, 503)
@needs(Role.READER)
def rules() -> Response:
    """The rules that the fleet goes by now: what they are called, and the files themselves."""
    return jsonify(plain(_rules_data(services())))


def _overview_data(found: FleetOverview) -> dict[str, Any]:
    return {
        "time": found.time,
        "leader": found.leader,
        "statuses": {str(status): jobs for status, jobs in found.by_status().items()},
        "tagGroups": {
            group: {str(status): jobs for status, jobs in counts.items()}
            for group, counts in found.by_tag_group().items()
        },
        "clusters": [_cluster_data(each) for each in found.clusters],
        "waiting": [_waiting_data(each) for each in found.waiting],
    }


def _cluster_data(each: ClusterView) -> dict[str, Any]:
    found: dict[str, Any] = ClusterUseSchema().dump(_with_texts(asdict(each)))
    return found


def _waiting_data(each: Waiting) -> dict[str, Any]:
    found: dict[str, Any] = WaitingSchema().dump(_with_texts(asdict(each)))
    return found


def _with_texts(parts: dict[str, Any]) -> dict[str, Any]:
    # Only moments become texts here: the schemas expect the statuses as they are.
    return {name: plain(value) if name in _MOMENTS else value for name, value in parts.items()}


_MOMENTS = ("looked_at", "oldest")


def _rules_data(door: Services) -> dict[str, Any]:
    now = door.rules.now()
    if now.version is None:
        return _said(now) | {"files": _files(rule_texts(_paths(door)))}
    applied = rule_sets.get(now.version)
    return _said(now) | {
        "appliedBy": applied.applied_by,
        "applied": applied.applied,
        "note": applied.note,
        "files": _files(applied.texts()),
    }


def _said(now: RulesNow) -> dict[str, Any]:
    found: RuleSet = now.rules
    return {
        "digest": now.digest,
        "version": now.version,
        "tagGroups": [each.name for each in found.tag_groups],
        "pools": list(found.pools),
        "deny": [each.name for each in found.deny],
        "defaults": [each.name for each in found.defaults],
        "overrides": [each.name for each in found.overrides],
        "routes": [each.name for each in found.routes],
        "limits": [each.name for each in found.limits],
    }


def _paths(door: Services) -> list[Any]:
    return [door.settings.rules] if door.settings.rules else []


def _files(texts_by_name: Any) -> list[dict[str, str]]:
    return [
        # Of a path only its name: where it lies on the server is nobody's business.
        {"name": name.rpartition("/")[2], "text": content.decode("utf-8", "replace")}
        for name, content in texts_by_name.items()
    ]
