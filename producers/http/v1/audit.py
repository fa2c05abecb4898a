"""What was done, and by whom."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response, jsonify
from flask_smorest import Blueprint

from ....models import audit
from ..security.roles import Role, needs
from ..v3.answers import problems
from .shapes import text, thing, things, time

blueprint = Blueprint("audit", __name__, url_prefix="/api/v1", description="Who changed what")


class RecordSchema(ma.Schema):
    """One thing that somebody did."""

    time = time("When.", required=True)
    who = text("Who did it.", required=True)
    means = text(
        "How they said who they are: `token`, `session`, `proxy`; `none` where nobody is asked; `cli`."
    )
    action = text("What was done: `clusters.change`, `job.kill`, ...", required=True)
    subject = text("The id of what it was done to.", required=True)
    before = thing("What differed before; null: there is nothing to tell.", allow_none=True)
    after = thing("The same as it is since.", allow_none=True)


class RecordsSchema(ma.Schema):
    """What was done."""

    records = things(RecordSchema, "The records, the latest first.", required=True)


class AuditQuery(ma.Schema):
    """Which records are listed."""

    class Meta:
        """What else a client sends is none of our business, as in /api/v3."""

        unknown = ma.EXCLUDE

    who = ma.fields.String(metadata={"description": "By this user only."})
    action = ma.fields.String(metadata={"description": "Only this action."})
    subject = ma.fields.String(metadata={"description": "Only to what has this id."})
    limit = ma.fields.Integer(
        load_default=100,
        validate=ma.validate.Range(1, 1000),
        metadata={"description": "So many at most."},
    )


@blueprint.route("/audit", methods=["GET"], endpoint="list")
@blueprint.doc(summary="List what was done, and by whom", operationId="list_audit_records")
@blueprint.arguments(AuditQuery, location="query")
@blueprint.response(200, RecordsSchema)
@problems(blueprint, 400, 503)
@needs(Role.ADMIN)
def list_records(query: dict[str, Any]) -> Response:
    """What people and programs have changed, the latest first."""
    found = audit.list_records(**query)
    return jsonify({"records": [each.row() for each in found]})
