"""Server-sent events: what becomes of one job, and of all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import marshmallow as ma
from flask import Response, request
from flask_smorest import Blueprint

from ....models import jobs
from ....models.job import HistoryEntry, Job
from ....models.states import JobStatus
from ..security.roles import Role, needs
from ..streams.changes import Change
from ..streams.sse import TURN_SECONDS, Streams, Turns, event, respond
from ..v3.answers import problems
from .shapes import plain

blueprint = Blueprint("events", __name__, url_prefix="/api/v1", description="What happens, live")

_STREAM = {"type": "string", "description": "Server-sent events; the data of each is JSON."}


class EventQuery(ma.Schema):
    """Of which jobs changes are told."""

    class Meta:
        """What else a client sends is none of our business, as in /api/v3."""

        unknown = ma.EXCLUDE

    user = ma.fields.String(metadata={"description": "Of this user's jobs only."})
    tag_group = ma.fields.String(
        data_key="tagGroup", metadata={"description": "Of this tag group's jobs only."}
    )
    status = ma.fields.List(
        ma.fields.Enum(JobStatus, by_value=True),
        load_default=(),
        metadata={"description": "Only changes to one of these statuses."},
    )


@blueprint.route("/events", endpoint="all", methods=["GET"])
@blueprint.doc(summary="Follow all jobs", operationId="follow_jobs")
@blueprint.arguments(EventQuery, location="query")
@blueprint.response(200, _STREAM, content_type="text/event-stream")
@problems(blueprint, 400, 503)
@needs(Role.READER)
def follow_all(query: dict[str, Any]) -> Response:
    """An event `job` for each change from now on; of changes within a second, the last.

    The stream ends after five minutes, and an EventSource comes again by itself. What happened meanwhile is
    not told: who must know all of it follows single jobs, or asks for the states of many.
    """

    def events(these: Streams, turns: Turns) -> Iterator[str]:
        with these.changes.listening() as listener:
            while turns.go_on():
                change = listener.wait(TURN_SECONDS)
                if change and _is_wanted(change, query):
                    yield event(
                        _told(change),
                        event_id=change.updated.isoformat(timespec="milliseconds"),
                        name="job",
                    )
                yield from turns.beat()

    return respond(events)


@blueprint.route("/jobs/<string:job_id>/events", endpoint="job", methods=["GET"])
@blueprint.doc(summary="Follow a job", operationId="follow_job")
@blueprint.response(200, _STREAM, content_type="text/event-stream")
@problems(blueprint, 404, 503)
@needs(Role.READER)
def follow_job(job_id: str) -> Response:
    """An event `status` for each change of a job, from its first on, and `end` when it has ended.

    A client that comes again with `Last-Event-ID` is told all that it has missed.
    """
    jobs.get(job_id)  # what is not there is told before the stream begins
    told = request.headers.get("Last-Event-ID", "")

    def events(these: Streams, turns: Turns) -> Iterator[str]:
        last = _key_of(told)
        with these.changes.listening(job_id) as listener:
            # What changed before one listened is in what is read now.
            job = jobs.get(job_id)
            while True:
                for key, entry in _entries(job):
                    if key > last:
                        yield event(_data(job, entry), event_id=_text_of(key), name="status")
                        last = key
                if job.status.is_terminal:
                    yield event(
                        {"id": job.id, "status": str(job.status)},
                        event_id=_text_of(last),
                        name="end",
                    )
                    return
                while not listener.wait(TURN_SECONDS):
                    if not turns.go_on():
                        return
                    yield from turns.beat()
                job = jobs.get(job_id)

    return respond(events)


#: A change's time in milliseconds, and which it is of those at the same time.
_Key = tuple[int, int]


def _entries(job: Job) -> Iterator[tuple[_Key, HistoryEntry]]:
    # Not by their places: of a long history the oldest are gone.
    time, number = -1, 0
    for entry in job.history:
        milliseconds = round(entry.time.timestamp() * 1000)
        number = number + 1 if milliseconds == time else 0
        time = milliseconds
        yield (time, number), entry


def _key_of(text: str) -> _Key:
    """A client's last event; what is no id of ours is as if it had none."""
    time, _, number = text.partition(".")
    try:
        return int(time), int(number)
    except ValueError:
        return -1, -1


def _text_of(key: _Key) -> str:
    return f"{key[0]}.{key[1]}"


def _data(job: Job, entry: HistoryEntry) -> dict[str, Any]:
    shown = {
        "id": job.id,
        "status": str(entry.status),
        "time": entry.time,
        "message": entry.message,
        "worker": entry.worker,
    }
    return dict(plain(shown))


def _told(change: Change) -> dict[str, Any]:
    shown = {
        "id": change.job_id,
        "status": str(change.status),
        "time": change.updated,
        "message": change.message,
        "user": change.user,
        "tagGroup": change.tag_group,
        "clusterId": change.cluster_id,
    }
    return dict(plain(shown))


def _is_wanted(change: Change, query: dict[str, Any]) -> bool:
    return (
        query.get("user") in (None, change.user)
        and query.get("tag_group") in (None, change.tag_group)
        and (not query["status"] or change.status in query["status"])
    )
