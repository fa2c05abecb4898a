"""Dead letters: list, show, replay, drop."""

from __future__ import annotations

from typing import Any, Final

import marshmallow as ma
from flask import Response, jsonify
from flask.views import MethodView
from flask_smorest import Blueprint

from ... import dead_letters
from ...dead_letters import Selection
from ..actions import note_settled
from ..bodies import read_json
from ..problems import Problem
from ..security.roles import Role, needs
from ..services import services
from ..v3.answers import json_body, problems
from .shapes import number, text, thing, things, time

blueprint = Blueprint(
    "dead_letters",
    __name__,
    url_prefix="/api/v1/dead-letters",
    description="Messages that could not be used",
)

#: How many letters a list shows at most.
MOST: Final = 1_000


class LetterSchema(ma.Schema):
    """A dead letter."""

    id = text("What it is told apart by.", required=True)
    reason = text("Why it is here.", required=True)
    queue = text("Where it was when it died.")
    exchange = text("How it had come there.")
    routing_key = text("And by which routing key.", "routingKey")
    time = time("When it died.", allow_none=True)
    message_id = text("Its message id.", "messageId", allow_none=True)
    job_id = text("The job that it is about, as far as it says.", "jobId", allow_none=True)
    user = text("Who published it.", allow_none=True)
    deliveries = number("How often it was handed out to workers.", allow_none=True)
    size = number("How long its body is.", "bytes")


class WholeLetterSchema(LetterSchema):
    """A dead letter with what it holds."""

    content_type = text(
        "The type of its body, as its producer says.", "contentType", allow_none=True
    )
    headers = thing("Its producer's own headers.")
    body = text("Its body, where that is text.")
    body_base64 = text("Its body in base64, where it is no text.", "bodyBase64")


class LettersSchema(ma.Schema):
    """Dead letters."""

    letters = things(LetterSchema, "The letters, the oldest first.", required=True)


class OutcomeSchema(ma.Schema):
    """What became of a letter."""

    id = text("The letter.", required=True)
    result = text("`replayed`, `dropped`, or `kept`.", required=True)
    job_id = text("The job that it asks for, as far as it says.", "jobId", allow_none=True)
    detail = text("Where it went, why it stayed, or why it had died.")


class OutcomesSchema(ma.Schema):
    """What became of letters."""

    outcomes = things(OutcomeSchema, "For each letter that was meant.", required=True)


class LetterQuery(ma.Schema):
    """Which letters are listed."""

    class Meta:
        """What else a client sends is none of our business, as in /api/v3."""

        unknown = ma.EXCLUDE

    reason = ma.fields.String(
        validate=ma.validate.Length(max=1024),
        metadata={"description": "Only those whose reason has this text."},
    )
    limit = ma.fields.Integer(
        load_default=100,
        validate=ma.validate.Range(1, MOST),
        metadata={"description": "Look at so many of the oldest only."},
    )


class ActionSchema(ma.Schema):
    """What to do, and with which letters: exactly one of `ids`, `reason` and `all`."""

    action = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(("replay", "drop")),
        metadata={
            "description": "Send them back to where they came from, or delete them for good."
        },
    )
    ids = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(max=255)),
        validate=ma.validate.Length(min=1, max=MOST),
        metadata={"description": "Those with these ids."},
    )
    reason = ma.fields.String(
        validate=ma.validate.Length(min=1, max=1024),
        metadata={"description": "Those whose reason has this text."},
    )
    every = ma.fields.Boolean(
        data_key="all", truthy={True}, falsy={False}, metadata={"description": "All of them."}
    )
    new_id = ma.fields.Boolean(
        data_key="newId",
        truthy={True},
        falsy={False},
        load_default=False,
        metadata={
            "description": "When they are sent back: whether each request becomes a new job, with an id of its own."
        },
    )


_EXAMPLE: Final = {"action": "replay", "ids": ["0f343b0931126a20"]}


@blueprint.route("", endpoint="all")
class Letters(MethodView):
    """All dead letters."""

    @blueprint.doc(summary="List dead letters", operationId="list_dead_letters")
    @blueprint.arguments(LetterQuery, location="query")
    @blueprint.response(200, LettersSchema)
    @problems(blueprint, 400, 404, 503)
    @needs(Role.READER)
    def get(self, query: dict[str, Any]) -> Response:
        """The oldest dead letters, without what they hold; 404 where the fleet has no RabbitMQ."""
        wanted = Selection(reason=query.get("reason"))
        found = dead_letters.listed(services().settings, wanted, query["limit"])
        return jsonify({"letters": [each.row() for each in found]})

    @blueprint.doc(
        summary="Replay or drop dead letters",
        operationId="settle_dead_letters",
        **json_body(ActionSchema, _EXAMPLE),
    )
    @blueprint.response(200, OutcomesSchema)
    @problems(blueprint, 400, 404, 413, 415, 503)
    @needs(Role.OPERATOR)
    def post(self) -> Response:
        """Send letters back to where they came from, or delete them; one that would not run is kept."""
        body = _loaded()
        wanted, settings = _selection(body), services().settings
        if body["action"] == "drop":
            done = dead_letters.drop(settings, wanted)
        else:
            done = dead_letters.replay(settings, wanted, new_id=body["new_id"])
        # Of several, those that are there are done; that one is gone is no error then.
        if not done:
            wanted.check_found(set())
        note_settled(done)
        return jsonify({"outcomes": [each.row() for each in done]})


@blueprint.route(
    "/<string:letter_id>",
    endpoint="one",
    methods=["GET"],
    parameters=[{"in": "path", "name": "letter_id", "description": "The id of the letter."}],
)
@blueprint.doc(summary="Show a dead letter", operationId="get_dead_letter")
@blueprint.response(200, WholeLetterSchema)
@problems(blueprint, 404, 503)
@needs(Role.READER)
def one(letter_id: str) -> Response:
    """A dead letter with its body and its headers."""
    return jsonify(dead_letters.show(services().settings, letter_id).whole())


def _loaded() -> dict[str, Any]:
    try:
        found: dict[str, Any] = ActionSchema().load(read_json())
    except ma.ValidationError as error:
        raise Problem(400, "The request cannot be used.", errors=_fields_of(error)) from error
    return found


def _fields_of(error: ma.ValidationError) -> list[tuple[str, str]]:
    messages: Any = error.messages
    by_field = messages if isinstance(messages, dict) else {"": messages}
    return [
        ("" if name == "_schema" else name, "; ".join(_flat(found)))
        for name, found in by_field.items()
    ]


def _flat(messages: Any) -> list[str]:
    if isinstance(messages, dict):
        return [each for inner in messages.values() for each in _flat(inner)]
    return [str(each).rstrip(".") for each in messages]


def _selection(body: dict[str, Any]) -> Selection:
    given = [bool(body.get("ids")), body.get("reason") is not None, bool(body.get("every"))]
    if given.count(True) != 1:
        raise Problem(400, "Expected `ids`, or `reason`, or `all`: true, and no two of them.")
    return Selection(frozenset(body.get("ids", ())), body.get("reason"))
