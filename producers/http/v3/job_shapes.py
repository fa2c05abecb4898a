"""Jobs as Genie's clients read them."""

from __future__ import annotations

import json
import shlex
from typing import Any, Final

from ....models.job import Job
from ....models.job_view import dump
from ....models.resources import ID_TAG, NAME_TAG
from ....models.states import JobStatus
from ..hal import link, with_links
from ..problems import Problem

#: Genie's fields of a job, and two of ours.
_OF_A_JOB: Final = (
    "id", "name", "user", "version", "description", "metadata", "tags", "created", "updated",
    "status", "statusMsg", "started", "finished", "archiveLocation", "clusterId", "clusterName",
    "commandId", "commandName", "applications", "runtime", "commandArgs", "grouping",
    "groupingInstance", "tagGroup",
)  # fmt: skip

_OF_A_RESULT: Final = (
    "id", "name", "user", "status", "started", "finished", "clusterName", "commandName", "runtime",
)  # fmt: skip

#: What a job leads to.
_LEADS_TO: Final = (
    "output", "request", "execution", "status", "cluster", "command", "applications",
)  # fmt: skip


def job(found: Job) -> dict[str, Any]:
    """A job."""
    body = _chosen(dump(found), _OF_A_JOB)
    if "commandArgs" in body:
        body["commandArgs"] = shlex.join(body["commandArgs"])
    links = {"self": link("jobs", found.id)}
    links |= {name: link("jobs", found.id, name) for name in _LEADS_TO}
    return with_links(body, links)


def result(found: Job) -> dict[str, Any]:
    """A job in a list; it was read without its large parts."""
    return with_links(_chosen(dump(found), _OF_A_RESULT), {"self": link("jobs", found.id)})


def execution(found: Job) -> dict[str, Any]:
    """How a job is carried out."""
    body = {
        "id": found.id,
        # A step runs on its cluster's primary node.
        "hostName": found.emr_cluster_id,
        "exitCode": _exit_code(found),
        "timeout": found.timeout,
        "memory": found.memory,
        "archiveStatus": found.archive_status,
        "clusterId": found.cluster_id,
        "stepId": found.step_id,
        "attempt": found.attempt,
    }
    given = {name: value for name, value in body.items() if value is not None}
    links = {"self": link("jobs", found.id, "execution"), "job": link("jobs", found.id)}
    return with_links(given, links)


def request(found: Job) -> dict[str, Any]:
    """What was asked for, in Genie's v3 form: criteria as lists of tags.

    Raises:
        Problem: 404, the job was refused, and what was sent cannot be shown as a request.
    """
    try:
        body = json.loads(found.request_json)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Problem(404, f"What was sent as job {found.id!r} cannot be shown as a request.")
    if found.status is not JobStatus.INVALID:
        body = _in_v3_form(body)
    return with_links(body, {"self": link("jobs", found.id, "request")})


def _in_v3_form(body: dict[str, Any]) -> dict[str, Any]:
    body = dict(body)
    body["commandArgs"] = shlex.join(body.get("commandArgs", ()))
    command = _tags_of(body["commandCriterion"])
    if command is not None:
        del body["commandCriterion"]
        body["commandCriteria"] = command
    clusters = [_tags_of(each) for each in body["clusterCriteria"]]
    if None not in clusters:
        del body["clusterCriteria"]
        body["clusterCriterias"] = [{"tags": tags} for tags in clusters]
    return body


def _tags_of(criterion: dict[str, Any]) -> list[str] | None:
    """A criterion as tags; None where it has a version or a status, which tags cannot say."""
    if criterion.get("version") or criterion.get("status"):
        return None
    own = [ID_TAG + criterion["id"]] if criterion.get("id") else []
    own += [NAME_TAG + criterion["name"]] if criterion.get("name") else []
    return [*own, *criterion.get("tags", ())]


def _exit_code(found: Job) -> int | None:
    if found.exit_code is None and found.status is JobStatus.SUCCEEDED:
        return 0
    return found.exit_code


def _chosen(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: body[name] for name in names if name in body}
