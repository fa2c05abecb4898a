"""Jobs: submit, search, get, kill, and what belongs to each."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from flask_smorest import Blueprint

from ....models import catalog, job_search, jobs
from ....models.schemas import JobRequestSchema
from .. import actions
from ..hal import address, listing
from ..paging import Page, Wanted
from ..patterns import condition
from ..problems import Problem
from ..security.roles import Role, needs
from . import described, examples, job_shapes, lookup
from .answers import LOCATION, empty, problems
from .job_query import JobQuery, conditions, sort_of
from .shapes import answer_list, shown
from .submission import submit

blueprint = Blueprint(
    "jobs", __name__, url_prefix="/api/v3/jobs", description="Jobs, as Genie's clients know them"
)

_MULTIPART = {
    "type": "object",
    "required": ["request"],
    "properties": {
        "request": {"type": "string", "description": "The job request as JSON."},
        "attachment": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": "Files that are laid out beside the job, each under its own name.",
        },
    },
}

_PARTS = {"request": json.dumps(examples.JOB), "attachment": ["import sys\n"]}


@blueprint.route("", endpoint="all")
class Jobs(MethodView):
    """All jobs."""

    @blueprint.doc(summary="Search jobs", operationId="search_jobs")
    @blueprint.arguments(JobQuery, location="query")
    @blueprint.response(200, described.JobPageSchema, description="A page of jobs.")
    @problems(blueprint, 400, 503)
    @needs(Role.READER)
    def get(self, query: dict[str, Any]) -> Response:
        """Jobs that fit all that is asked for, newest first unless it is said otherwise."""
        wanted = Wanted.of(query)
        found, total = job_search.search(
            conditions(query),
            statuses=query["status"],
            tags=[condition(tag) for tag in query["tag"]],
            order=sort_of(wanted),
            skip=wanted.start,
            limit=wanted.size,
        )
        page = Page([job_shapes.result(each) for each in found], wanted.number, wanted.size, total)
        return jsonify(listing("jobSearchResultList", page, "jobs"))

    @blueprint.doc(
        summary="Submit a job",
        operationId="submit_job",
        requestBody={
            "required": True,
            "content": {
                "application/json": {"schema": JobRequestSchema, "example": examples.JOB},
                "multipart/form-data": {"schema": _MULTIPART, "example": _PARTS},
            },
        },
    )
    @blueprint.response(
        202, description="It is safe; `Location` says where it is.", headers=LOCATION
    )
    @problems(blueprint, 400, 409, 412, 413, 415, 429, 503)
    @needs(Role.SUBMITTER)
    def post(self) -> Response:
        """Submit a job: the same request again, under the same id, is the same job."""
        return empty(202, address("jobs", submit()))


@blueprint.route("/<string:job_id>", endpoint="one")
class OneJob(MethodView):
    """One job."""

    @blueprint.doc(summary="Get a job", operationId="get_job")
    @blueprint.response(200, described.JobViewSchema)
    @problems(blueprint, 404, 503)
    @needs(Role.READER)
    def get(self, job_id: str) -> Response:
        """A job."""
        return jsonify(job_shapes.job(jobs.get(job_id)))

    @blueprint.doc(summary="Ask for a job's end", operationId="kill_job")
    @blueprint.response(
        202, description="Its end is asked for; its status tells when it has ended."
    )
    @problems(blueprint, 404, 503)
    @needs(Role.SUBMITTER)
    def delete(self, job_id: str) -> Response:
        """Ask for a job's end; of one that has ended, nothing changes."""
        actions.kill_job(job_id)
        return empty(202)


@blueprint.route("/<string:job_id>/status", endpoint="status", methods=["GET"])
@blueprint.doc(summary="Get a job's status", operationId="get_job_status")
@blueprint.response(200, described.JobStatusSchema)
@problems(blueprint, 404, 503)
@needs(Role.READER)
def status(job_id: str) -> Response:
    """A job's status, and nothing else."""
    return jsonify({"status": str(jobs.get(job_id).status)})


@blueprint.route("/<string:job_id>/request", endpoint="request", methods=["GET"])
@blueprint.doc(summary="Get what was asked for", operationId="get_job_request")
@blueprint.response(200, described.RequestSchema)
@problems(blueprint, 404, 503)
@needs(Role.READER)
def request_of(job_id: str) -> Response:
    """What was asked for."""
    return jsonify(job_shapes.request(jobs.get(job_id)))


@blueprint.route("/<string:job_id>/execution", endpoint="execution", methods=["GET"])
@blueprint.doc(summary="Get how a job is carried out", operationId="get_job_execution")
@blueprint.response(200, described.ExecutionSchema)
@problems(blueprint, 404, 503)
@needs(Role.READER)
def execution(job_id: str) -> Response:
    """How a job is carried out: its step, its exit code, its archive."""
    return jsonify(job_shapes.execution(jobs.get(job_id)))


@blueprint.route("/<string:job_id>/cluster", endpoint="cluster", methods=["GET"])
@blueprint.doc(summary="Get a job's cluster", operationId="get_job_cluster")
@blueprint.response(200, described.ENTRIES["clusters"])
@problems(blueprint, 404, 503)
@needs(Role.READER)
def cluster(job_id: str) -> Response:
    """The cluster that was chosen for a job, as the catalog has it now."""
    return _chosen("clusters", job_id, jobs.get(job_id).cluster_id)


@blueprint.route("/<string:job_id>/command", endpoint="command", methods=["GET"])
@blueprint.doc(summary="Get a job's command", operationId="get_job_command")
@blueprint.response(200, described.ENTRIES["commands"])
@problems(blueprint, 404, 503)
@needs(Role.READER)
def command(job_id: str) -> Response:
    """The command that was chosen for a job, as the catalog has it now."""
    return _chosen("commands", job_id, jobs.get(job_id).command_id)


@blueprint.route("/<string:job_id>/applications", endpoint="applications", methods=["GET"])
@blueprint.doc(summary="Get a job's applications", operationId="get_job_applications")
@blueprint.response(200, described.ENTRIES["applications"](many=True))
@problems(blueprint, 404, 503)
@needs(Role.READER)
def applications(job_id: str) -> Response:
    """The applications that were chosen for a job, in the order of their set-up."""
    known = {each.id: each for each in lookup.applications()}
    ids = jobs.get(job_id).applications
    return answer_list("applications", [known[each] for each in ids if each in known])


def _chosen(kind: str, job_id: str, entry_id: str | None) -> Response:
    if entry_id is None:
        raise Problem(404, f"No {kind.removesuffix('s')} is chosen yet for job {job_id!r}.")
    return jsonify(shown(kind, catalog.get_resource(kind, entry_id)))
