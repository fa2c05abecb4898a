"""A job's log as it grows: its end, what is behind an offset, and a stream of its lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import marshmallow as ma
from flask import Response, jsonify, request
from flask_smorest import Blueprint

from ....models import jobs
from ..log_pieces import STREAMS, Piece, piece_at, tail_at
from ..problems import Problem
from ..security.roles import Role, needs
from ..services import Services, services
from ..streams.sse import TURN_SECONDS, Streams, Turns, event, respond, streams
from ..v3.answers import problems
from .shapes import flag, number, text

blueprint = Blueprint("logs", __name__, url_prefix="/api/v1/jobs", description="Logs as they grow")

#: Between two looks at a log, in seconds: the longer, the longer nothing has come.
_SHORTEST, _LONGEST = 1.0, 8.0

MOST_LINES: Final = 5_000
MOST_WAIT_SECONDS: Final = 30


class LogQuery(ma.Schema):
    """Which part of a log is wanted."""

    class Meta:
        """What else a client sends is none of our business, as in /api/v3."""

        unknown = ma.EXCLUDE

    tail = ma.fields.Integer(
        load_default=200,
        validate=ma.validate.Range(0, MOST_LINES),
        metadata={"description": "The last lines, so many of them; where no `offset` is given."},
    )
    offset = ma.fields.Integer(
        validate=ma.validate.Range(0, 2**60),
        metadata={"description": "From this byte on: `next` of the answer before."},
    )
    wait = ma.fields.Integer(
        load_default=0,
        validate=ma.validate.Range(0, MOST_WAIT_SECONDS),
        metadata={"description": "How long to wait if there is nothing yet, in seconds."},
    )
    follow = ma.fields.Boolean(
        load_default=False,
        metadata={
            "description": "Answer with server-sent events: one for each line, whose id is where the next begins."
        },
    )


class LogSchema(ma.Schema):
    """A part of a log."""

    offset = number("Where it begins, in bytes.", required=True)
    after = number("Where the next part begins.", "next", required=True)
    size = number("How long the log is now.", required=True)
    content = text("The part; what is no UTF-8 in it is replaced.", "text", required=True)
    goes_on = flag("Whether more may come.", "goesOn", required=True)


@blueprint.route(
    "/<string:job_id>/logs/<string:stream>",
    endpoint="log",
    methods=["GET"],
    parameters=[
        {"in": "path", "name": "stream", "description": "`stdout` or `stderr`."},
    ],
)
@blueprint.doc(summary="Read or follow a job's log", operationId="get_job_log")
@blueprint.arguments(LogQuery, location="query")
@blueprint.response(200, LogSchema)
@blueprint.alt_response(200, schema={"type": "string"}, content_type="text/event-stream")
@problems(blueprint, 400, 404, 503)
@needs(Role.READER)
def log(query: dict[str, Any], job_id: str, stream: str) -> Response:
    """A part of a job's log, or its lines as they come.

    A stream ends with the event `end` when the log is whole, and after five minutes without one: an
    EventSource comes again by itself, from where it was.
    """
    if stream not in STREAMS:
        raise Problem(404, f"There is no log {stream!r}: expected stdout or stderr.")
    door = services()
    offset = _offset(door, job_id, stream, query)
    if query["follow"]:
        return respond(lambda these, turns: _lines(these, turns, door, job_id, stream, offset))
    return _shown(_awaited(door, job_id, stream, offset, query["wait"]))


def _offset(door: Services, job_id: str, stream: str, query: dict[str, Any]) -> int:
    job = jobs.get(job_id)
    last = request.headers.get("Last-Event-ID", "")
    if query["follow"] and last.isascii() and last.isdigit():
        return min(int(last[:19]), 2**60)
    if "offset" in query:
        return int(query["offset"])
    return tail_at(door, job, stream, query["tail"])


def _awaited(door: Services, job_id: str, stream: str, offset: int, seconds: int) -> Piece:
    piece = piece_at(door, jobs.get(job_id), stream, offset)
    if piece.content or not piece.goes_on or not seconds:
        return piece
    these, end = streams(), time.monotonic() + seconds
    these.take()
    try:
        with these.changes.listening(job_id) as listener:
            while (
                piece.goes_on and not piece.content and time.monotonic() < end and these.goes_on()
            ):
                listener.wait(min(_SHORTEST, max(0.01, end - time.monotonic())))
                piece = piece_at(door, jobs.get(job_id), stream, offset)
    finally:
        these.give_back()
    return piece


def _lines(
    these: Streams, turns: Turns, door: Services, job_id: str, stream: str, offset: int
) -> Iterator[str]:
    pause = _SHORTEST
    with these.changes.listening(job_id) as listener:
        while True:
            piece = piece_at(door, jobs.get(job_id), stream, offset)
            # A line that is not whole yet is told when it is, or when the log or the piece is full.
            whole = not piece.goes_on or len(piece.content) > 2**17
            for line in piece.content.splitlines(keepends=True):
                if line.endswith(b"\n") or whole:
                    offset += len(line)
                    told = line.rstrip(b"\r\n").decode("utf-8", "replace")
                    yield event(told, event_id=str(offset))
            if not piece.goes_on and piece.end >= piece.size:
                yield event({"size": piece.size}, event_id=str(offset), name="end")
                return
            if piece.end < piece.size:
                continue
            pause = _SHORTEST if piece.content else min(_LONGEST, pause * 1.5)
            end = time.monotonic() + pause
            while time.monotonic() < end and not listener.wait(TURN_SECONDS):
                if not turns.go_on():
                    return
                yield from turns.beat()


def _shown(piece: Piece) -> Response:
    return jsonify(
        {
            "offset": piece.begin,
            "next": piece.end,
            "size": piece.size,
            "text": piece.content.decode("utf-8", "replace"),
            "goesOn": piece.goes_on,
        }
    )
