"""What can be done about a job: end it, or run it again; each is asked about before it is done."""

from __future__ import annotations

from flask import redirect, url_for
from werkzeug.wrappers import Response

from ....models import jobs
from ....models.job import Job
from ....models.states import JobStatus
from .. import actions
from ..problems import Problem
from ..security.roles import Role, needs
from .base import blueprint, page
from .job import arguments_of, asked_of


@blueprint.get("/jobs/<string:job_id>/kill", endpoint="ask_kill")
@needs(Role.SUBMITTER)
def ask_kill(job_id: str) -> str:
    """Whether a job is to be ended."""
    return page("job_kill.html", "jobs", job=jobs.get(job_id))


@blueprint.post("/jobs/<string:job_id>/kill", endpoint="kill")
@needs(Role.SUBMITTER)
def kill(job_id: str) -> Response:
    """Ask for a job's end."""
    actions.kill_job(job_id)
    return redirect(url_for("console.job", job_id=job_id), 303)


@blueprint.get("/jobs/<string:job_id>/run-again", endpoint="ask_run_again")
@needs(Role.SUBMITTER)
def ask_run_again(job_id: str) -> str:
    """Whether a job is to be run again."""
    found = _that_was_taken(job_id)
    return page("job_run_again.html", "jobs", job=found, arguments=arguments_of(asked_of(found)))


@blueprint.post("/jobs/<string:job_id>/run-again", endpoint="run_again")
@needs(Role.SUBMITTER)
def run_again(job_id: str) -> Response:
    """Submit what a job asked for as a new job."""
    _that_was_taken(job_id)
    return redirect(url_for("console.job", job_id=actions.run_again(job_id)), 303)


def _that_was_taken(job_id: str) -> Job:
    found = jobs.get(job_id)
    if found.status is JobStatus.INVALID:
        raise Problem(
            409, f"The request of job {job_id} was refused: mend it, and submit it as a new job."
        )
    return found
