"""The states of many jobs in one call, for whoever waits for thousands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import marshmallow as ma
from flask import Response, jsonify
from flask_smorest import Blueprint

from ....models import job_states
from ....models.states import JobStatus
from ..bodies import read_json
from ..problems import Problem
from ..security.roles import Role, needs
from ..v3 import examples
from ..v3.answers import json_body, problems
from .shapes import number, plain, text, texts, things, time

blueprint = Blueprint(
    "states", __name__, url_prefix="/api/v1/jobs", description="Many jobs in one call"
)

#: How many jobs may be asked for at once.
MOST: Final = 10_000


class Ids(ma.fields.List[Any]):
    """Ids, where one alone is a list too."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        values = value if isinstance(value, list | tuple) else [value]
        return super()._deserialize(values, attr, data, **kwargs)


class IdsSchema(ma.Schema):
    """Which jobs are asked for."""

    class Meta:
        """What else a client sends is none of our business, as in /api/v3."""

        unknown = ma.EXCLUDE

    id = Ids(
        ma.fields.String(validate=ma.validate.Length(max=255)),
        required=True,
        validate=ma.validate.Length(min=1, max=MOST),
        metadata={"description": "The ids, each as a parameter of its own."},
    )


class StateSchema(ma.Schema):
    """Where a job stands."""

    id = text("The job's id.", required=True)
    status = ma.fields.Enum(
        JobStatus, by_value=True, required=True, metadata={"description": "Where it stands."}
    )
    message = text("What that means for it.", "statusMsg", required=True)
    updated = time("When it changed last.", required=True)
    finished = time("When it ended; null while it has not.", required=True, allow_none=True)
    exit_code = number("Its exit code, where one is known.", "exitCode", allow_none=True)


class StatesSchema(ma.Schema):
    """Where jobs stand."""

    jobs = things(StateSchema, "Those that are there, in the order of the ids.", required=True)
    missing = texts("The ids that no job has.", "unknown", required=True)


_BODY: Final = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST,
    "items": {"type": "string", "maxLength": 255},
    "description": "The ids.",
}


@blueprint.route("", endpoint="some", methods=["GET"])
@blueprint.doc(summary="Get the states of some jobs", operationId="get_job_states")
@blueprint.arguments(IdsSchema, location="query")
@blueprint.response(200, StatesSchema)
@problems(blueprint, 400, 503)
@needs(Role.READER)
def some(query: dict[str, Any]) -> Response:
    """Where some jobs stand: as many as fit into an address, which is about two hundred."""
    return _states(query["id"])


@blueprint.route("/states", endpoint="many", methods=["POST"])
@blueprint.doc(
    summary="Get the states of thousands of jobs",
    operationId="post_job_states",
    **json_body(_BODY, [examples.JOB["id"]]),
)
@blueprint.response(200, StatesSchema)
@problems(blueprint, 400, 413, 415, 503)
@needs(Role.READER)
def many() -> Response:
    """Where thousands of jobs stand; nothing is changed."""
    ids = read_json()
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise Problem(400, "Expected a list of ids, each a string.")
    if not 0 < len(ids) <= MOST:
        raise Problem(400, f"Expected between 1 and {MOST} ids, found {len(ids)}.")
    if longest := next((each for each in ids if len(each) > 255), None):
        raise Problem(400, f"No id is longer than 255 characters: {longest[:40]!r}...")
    return _states(ids)


def _states(ids: Sequence[str]) -> Response:
    wanted = list(dict.fromkeys(ids))
    found = {each.id: each for each in job_states.states_of(wanted)}
    rows = [
        {
            "id": each.id,
            "status": str(each.status),
            "statusMsg": each.message,
            "updated": each.updated,
            "finished": each.finished,
            "exitCode": each.exit_code,
        }
        for each in (found[job_id] for job_id in wanted if job_id in found)
    ]
    unknown = [job_id for job_id in wanted if job_id not in found]
    return jsonify(plain({"jobs": rows, "unknown": unknown}))
