"""What became of a job so far, and what it waits for."""

from __future__ import annotations

import marshmallow as ma
from flask import Response, jsonify
from flask_smorest import Blueprint

from ....models import jobs, waiting
from ....models.job_view import dump
from ....models.states import JobStatus
from ..security.roles import Role, needs
from ..v3.answers import problems
from .shapes import flag, number, text, things, time

blueprint = Blueprint(
    "job", __name__, url_prefix="/api/v1/jobs", description="What Genie does not tell of a job"
)


class ChangeSchema(ma.Schema):
    """One change of a job's status."""

    status = ma.fields.Enum(
        JobStatus, by_value=True, metadata={"description": "What it changed to."}
    )
    time = time("When.")
    message = text("Why, in words.")
    worker = text("Which worker wrote it.", allow_none=True)


class AttemptSchema(ma.Schema):
    """A run of the job that was lost with its cluster."""

    attempt = number("Which it was, from 1.")
    cluster_id = text("Where it ran.", "clusterId", allow_none=True)
    step_id = text("EMR's id of its step.", "stepId", allow_none=True)
    cause = text("Why it was lost.")
    ended = time("When that was seen.")


class HistorySchema(ma.Schema):
    """All that became of a job so far."""

    id = text("The job's id.", required=True)
    status = ma.fields.Enum(
        JobStatus, by_value=True, required=True, metadata={"description": "Where it stands."}
    )
    message = text("What that means for it.", "statusMsg")
    attempt = number("Which run of it this is, from 1.")
    history = things(ChangeSchema, "Each change of its status, the oldest first.", required=True)
    attempts = things(AttemptSchema, "The runs before this one.", required=True)


class QueueSchema(ma.Schema):
    """What a job waits for."""

    id = text("The job's id.", required=True)
    status = ma.fields.Enum(
        JobStatus, by_value=True, required=True, metadata={"description": "Where it stands."}
    )
    waits = flag("Whether it still waits.", required=True)
    position = number(
        "Its place among those that wait for the same, from 1; null where there is no order yet.",
        required=True,
        allow_none=True,
    )
    reason = text("What it waits for; null where it does not.", required=True, allow_none=True)
    until = time("When it is given up, if it still waits then.", required=True, allow_none=True)


#: What a job waits for that has no place in a queue.
_UNDER_WAY = {
    JobStatus.RESERVED: "It is about to be routed.",
    JobStatus.RESOLVED: "Its files are being staged.",
    JobStatus.ACCEPTED: "It is about to be submitted.",
}


@blueprint.route("/<string:job_id>/history", endpoint="history", methods=["GET"])
@blueprint.doc(summary="Get a job's history", operationId="get_job_history")
@blueprint.response(200, HistorySchema)
@problems(blueprint, 404, 503)
@needs(Role.READER)
def history(job_id: str) -> Response:
    """Each change of a job's status, and the runs that were lost before this one."""
    shown = dump(jobs.get(job_id))
    names = ("id", "status", "statusMsg", "attempt", "history")
    body = {name: shown[name] for name in names}
    return jsonify(body | {"attempts": shown.get("attempts", [])})


@blueprint.route("/<string:job_id>/queue", endpoint="queue", methods=["GET"])
@blueprint.doc(summary="Get what a job waits for", operationId="get_job_queue")
@blueprint.response(200, QueueSchema)
@problems(blueprint, 404, 503)
@needs(Role.READER)
def queue(job_id: str) -> Response:
    """A job's place among those that wait, and what for."""
    job = jobs.get(job_id)
    place = waiting.queues_of([job]).get(job.id, {})
    waits = job.status in _UNDER_WAY
    until = job.queue_until if waits else None
    return jsonify(
        {
            "id": job.id,
            "status": str(job.status),
            "waits": waits,
            "position": place.get("position"),
            "reason": place.get("reason") or _UNDER_WAY.get(job.status),
            "until": until.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            if until
            else None,
        }
    )
