"""Why a request would go where it goes, and why a job went where it went."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask import Response, jsonify
from flask_smorest import Blueprint

from ....models import jobs
from ....models.resources import JobRequest
from ....models.schemas import JobRequestSchema, load_job_request
from ....routing_rules.decision_text import decision_data, render_decision
from ...explaining import explained
from ..admission import decision_on
from ..bodies import read_json
from ..identity import caller
from ..problems import Problem
from ..security.roles import Role, needs
from ..services import services
from ..v3 import examples
from ..v3.answers import json_body, problems
from .shapes import number, text, texts, thing, things

blueprint = Blueprint(
    "explain", __name__, url_prefix="/api/v1", description="Why jobs go where they go"
)


class VerdictSchema(ma.Schema):
    """What one rule says."""

    kind = text("What kind of rule it is: `deny`, `default`, `override`, `route`, `limit`, `pool`.")
    name = text("The name of the rule.")
    applies = ma.fields.Boolean(metadata={"description": "Whether it has a say here."})
    says = texts("What it says, or why it does not match.")


class DecisionSchema(ma.Schema):
    """A decision, with all its reasons."""

    outcome = text(
        "What becomes of it: `routed`, `no_cluster`, `no_route`, `denied`, `held`; of a job also `waits` "
        "and `refused`.",
        required=True,
    )
    reason = text("Why, in words.", allow_none=True)
    rule = text("The rule that ended it, if one did.", allow_none=True)
    rules = texts("The rules that had a say.")
    digest = text("What the set of rules is told apart by.", "rulesDigest", allow_none=True)
    version = number("Its version, if it was applied.", "rulesVersion", allow_none=True)
    tag_group = text("The queue that it is in.", "tagGroup", allow_none=True)
    pool = text("The pool that its route names.", allow_none=True)
    command = text("The id of the command that was chosen.", allow_none=True)
    cluster = text("The id of the cluster that was chosen.", allow_none=True)
    applications = texts("The ids of the applications that were chosen.")
    timeout = number("How long it may run, in seconds.", allow_none=True)
    memory = number("How much it gets, in MB.", allow_none=True)
    cpu = number("How many cores it gets.", allow_none=True)
    priority = number("Which goes first among those that wait: 9 before 0.", allow_none=True)
    changed = thing("The fields that rules filled in or forced, as they are now.")
    trace = things(VerdictSchema, "What each rule says, in the order in which they are asked.")
    rationale = thing(
        "The commands and clusters that were considered, each with its nearest miss.",
        allow_none=True,
    )
    told = text("All of it as a tree of lines to read.", "text", required=True)


@blueprint.route("/explain", endpoint="request", methods=["POST"])
@blueprint.doc(
    summary="Explain a request without submitting it",
    operationId="explain_request",
    **json_body(JobRequestSchema, examples.JOB),
)
@blueprint.response(200, DecisionSchema)
@problems(blueprint, 400, 412, 413, 415, 503)
@needs(Role.READER)
def explain_request() -> Response:
    """What would become of a job request now, and why; nothing is submitted.

    Limits are not asked: only when a job is let in is it known whether there is room.
    """
    door = services()
    rules = door.rules.now()
    decision = decision_data(decision_on(door, rules, _request_of(read_json())))
    return _told(decision | {"rulesDigest": rules.digest, "rulesVersion": rules.version})


@blueprint.route("/jobs/<string:job_id>/explain", endpoint="job", methods=["GET"])
@blueprint.doc(summary="Explain where a job went", operationId="explain_job")
@blueprint.response(200, DecisionSchema)
@problems(blueprint, 404, 503)
@needs(Role.READER)
def explain_job(job_id: str) -> Response:
    """Why a job went where it went, as it was decided then; of one that waits, what is known by now."""
    return _told(explained(jobs.get(job_id), services().settings))


def _request_of(body: Any) -> JobRequest:
    if not isinstance(body, Mapping):
        raise Problem(400, f"Expected a job request as a JSON object, found {type(body).__name__}.")
    asked = dict(body)
    if not asked.get("id"):
        asked["id"] = str(uuid.uuid4())
    # As where it is submitted: who has said who they are need not say it twice.
    if asked.get("user") is None and (name := caller().name):
        asked["user"] = name
    return load_job_request(asked)


def _told(decision: dict[str, Any]) -> Response:
    return jsonify({**decision, "text": render_decision(decision)})
