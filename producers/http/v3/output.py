"""A job's output: its folder as JSON, its files with ranges."""

from __future__ import annotations

import mimetypes
from typing import Any, Final

from flask import Response, jsonify
from flask_smorest import Blueprint

from ....models import jobs
from ....models.job import Job
from ..hal import address, moment
from ..job_files import JobFile, awaits_logs, files_once_logged
from ..problems import Problem
from ..ranges import send
from ..security.roles import Role, needs
from ..services import services
from .answers import problems
from .described import FolderSchema

blueprint = Blueprint(
    "output", __name__, url_prefix="/api/v3/jobs", description="What jobs have written"
)

_BYTES: Final = {"type": "string", "format": "binary"}

_RANGE: Final = {
    "Content-Range": {
        "required": True,
        "description": "Which bytes of how many: `bytes 0-4/12`.",
        "schema": {"type": "string"},
    }
}

_TEXT: Final = "text/plain; charset=utf-8"

#: When a client may ask again for logs that are on their way, in seconds.
_RETRY_SECONDS: Final = 5


@blueprint.route("/<string:job_id>/output", endpoint="folder", methods=["GET"])
@blueprint.doc(summary="List a job's files", operationId="get_job_output")
@blueprint.response(200, FolderSchema)
@problems(blueprint, 404, 503)
@needs(Role.READER)
def folder(job_id: str) -> Response:
    """The files at the top of a job's folder."""
    return _answer(job_id, "")


@blueprint.route("/<string:job_id>/output/<path:path>", endpoint="file", methods=["GET"])
@blueprint.doc(summary="Get a job's file", operationId="get_job_file")
@blueprint.response(
    200, _BYTES, content_type="application/octet-stream", description="A file, or a folder."
)
@blueprint.alt_response(200, schema={"type": "string"}, content_type="text/plain")
@blueprint.alt_response(200, schema=FolderSchema, content_type="application/json")
@blueprint.alt_response(
    206,
    schema=_BYTES,
    content_type="application/octet-stream",
    description="The range that was asked for.",
    headers=_RANGE,
)
@blueprint.alt_response(206, schema={"type": "string"}, content_type="text/plain")
@problems(blueprint, 404, 416, 503)
@needs(Role.READER)
def file(job_id: str, path: str) -> Response:
    """A file of a job, whole or the range that is asked for; a folder is listed."""
    return _answer(job_id, path)


def _answer(job_id: str, path: str) -> Response:
    # Only what is listed is read: a path that leads elsewhere is the name of no file.
    job, files = files_once_logged(services(), jobs.get(job_id), path)
    if found := files.get(path):
        return _content(found)
    below = f"{path.rstrip('/')}/" if path.strip("/") else ""
    inside = {
        name.removeprefix(below): one for name, one in files.items() if name.startswith(below)
    }
    if inside or not below:
        return jsonify(_listing(job, below, inside))
    if awaits_logs(job):
        raise Problem(
            503,
            f"The logs of job {job.id} are not there yet: EMR copies them within minutes.",
            retry_after=_RETRY_SECONDS,
        )
    why = f" ({job.archive_message})" if job.archive_message else ""
    raise Problem(404, f"Job {job.id} has no file {path!r}{why}; it is {job.status}.")


def _content(found: JobFile) -> Response:
    answer = send(found.open(), _type_of(found.name))
    # It may be anything that a user has made: no browser is to run it in this server's name.
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _type_of(name: str) -> str:
    kind = mimetypes.guess_type(name)[0]
    if kind is None or kind.startswith("text/") or name.endswith((".sh", ".json", ".xml", ".sql")):
        return _TEXT
    return "application/octet-stream"


def _listing(job: Job, below: str, inside: dict[str, JobFile]) -> dict[str, Any]:
    """A folder in Genie's form."""
    time = moment(job.finished or job.updated)

    def entry(name: str, path: str, size: int) -> dict[str, Any]:
        url = address("jobs", job.id, "output", *path.split("/"))
        return {"name": name, "url": url, "size": size, "lastModified": time}

    folders = dict.fromkeys(f"{name.split('/')[0]}/" for name in inside if "/" in name)
    above = below.rstrip("/").rpartition("/")[0]
    return {
        "parent": entry("../", f"{above}/" if above else "", 0) if below else None,
        "directories": [entry(name, below + name, 0) for name in folders],
        "files": [
            entry(name, below + name, one.size) for name, one in inside.items() if "/" not in name
        ],
    }
