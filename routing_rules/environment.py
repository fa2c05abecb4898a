"""The variables that a job finds in its environment, those that do not depend on its folders."""

from __future__ import annotations

from collections.abc import Iterable

from ..models.resources import Cluster, Command, JobRequest

#: The generation of Genie whose variables these are.
GENIE_VERSION = "4"


def job_environment(
    request: JobRequest, *, command: Command, cluster: Cluster, memory: int
) -> dict[str, str]:
    """What is exported for a job on this cluster; the request's own variables come last.

    The `run` script adds the variables that name folders (`GENIE_JOB_DIR` and the like).

    Arguments:
        memory: What the job was given in the end, in MB.
    """
    requested = [_tags(criterion.tags) for criterion in request.cluster_criteria]
    return {
        "GENIE_VERSION": GENIE_VERSION,
        "GENIE_JOB_ID": request.id,
        "GENIE_JOB_NAME": request.name,
        "GENIE_JOB_MEMORY": str(memory),
        "GENIE_JOB_TAGS": _tags(request.tags),
        "GENIE_JOB_GROUPING": request.grouping or "",
        "GENIE_JOB_GROUPING_INSTANCE": request.grouping_instance or "",
        "GENIE_CLUSTER_ID": cluster.id,
        "GENIE_CLUSTER_NAME": cluster.name,
        "GENIE_CLUSTER_TAGS": _tags(cluster.tags),
        "GENIE_COMMAND_ID": command.id,
        "GENIE_COMMAND_NAME": command.name,
        "GENIE_COMMAND_TAGS": _tags(command.tags),
        "GENIE_REQUESTED_COMMAND_TAGS": _tags(request.command_criterion.tags),
        "GENIE_REQUESTED_CLUSTER_TAGS": "[" + ",".join(f"[{tags}]" for tags in requested) + "]",
        **{f"GENIE_REQUESTED_CLUSTER_TAGS_{at}": tags for at, tags in enumerate(requested)},
        "GENIE_USER": request.user,
        "GENIE_USER_GROUP": request.group or "",
        **request.environment,
    }


def _tags(tags: Iterable[str]) -> str:
    return ",".join(sorted(tags))
