"""What the fields of requests and of the catalog's entries mean, for the OpenAPI document."""

from __future__ import annotations

from typing import Final

_COMMON: Final = {
    "id": "Its id; made where none is given. No slash, no control character.",
    "name": "What it is called; need not be its alone.",
    "user": "Whose it is.",
    "version": "Its version, as its owner counts.",
    "description": "For people.",
    "metadata": "Whatever its owner wants to keep with it, as an object.",
    "tags": "What it is known by. Tags that begin with `genie.id:` and `genie.name:` are added to what is read back.",
    "configs": "Addresses of files that are laid out beside the job: `s3://`, `https://` or a path.",
    "dependencies": "Addresses of further files that are laid out beside the job.",
    "setupFile": "Address of a file that is sourced before the job runs.",
    "created": "When it was made.",
    "updated": "When it changed last.",
}

_JOB: Final = _COMMON | {
    "status": "Where it stands: SUCCEEDED, FAILED, KILLED and INVALID are its end.",
    "applications": "Ids of the applications that were chosen.",
    "grouping": "What it belongs to: a workflow, a DAG.",
    "groupingInstance": "Which run of the grouping it belongs to.",
}

#: By the schema's class, without "Schema" and without "Entry", and the name in JSON.
TEXTS: Final[dict[str, dict[str, str]]] = {
    "Application": _COMMON
    | {"type": "What kind of software it is.", "status": "Whether it may be used."},
    "Command": _COMMON
    | {
        "status": "Only an ACTIVE one is chosen, where no criterion asks for another status.",
        "executable": "The program and its first arguments as one string, split as a shell does it, or as a list. "
        "Give this or `executableAndArguments`.",
        "executableAndArguments": "The program and its first arguments; the job's own follow.",
        "clusterCriteria": "Which clusters it runs on, best first.",
        "applications": "Ids of the applications that it needs, in the order of their set-up.",
        "memory": "How much it needs, in MB, where a job does not say it.",
    },
    "Cluster": _COMMON
    | {
        "status": "UP takes jobs; OUT_OF_SERVICE finishes what it has; TERMINATED is gone.",
        "engine": "How it is reached.",
    },
    "Engine": {
        "type": "What it is.",
        "clusterId": "EMR's own id of it.",
        "region": "The AWS region; that of the environment where it is not given.",
        "roleArn": "A role that the fleet assumes to call EMR.",
        "executionRoleArn": "The runtime role of the steps.",
        "stepConcurrency": "How many steps run at once; EMR's StepConcurrencyLevel.",
        "logUri": "Where EMR copies the steps' logs.",
    },
    "Criterion": {
        "id": "Its id.",
        "name": "Its name.",
        "version": "Its version.",
        "status": "Its status; where none is given, one in which it takes jobs.",
        "tags": "Tags that it must have, all of them.",
    },
    "JobResult": _JOB,
    "JobView": _JOB,
    "JobStatus": _JOB,
    "Request": _JOB,
    "Execution": _JOB,
    "JobRequest": _COMMON
    | {
        "id": "The id of the job; made where none is given. The same request again, under the same id, is one job.",
        "commandArgs": "The job's arguments as one string, split as a shell does it, or as a list.",
        "clusterCriterias": "Where it may run, best first. Give this or `clusterCriteria`.",
        "clusterCriteria": "Where it may run, best first. Give this or `clusterCriterias`.",
        "commandCriteria": "Tags of the command that it runs. Give this or `commandCriterion`.",
        "commandCriterion": "Which command it runs. Give this or `commandCriteria`.",
        "group": "The group of its user.",
        "applications": "Ids of applications, in place of those that its command names.",
        "disableLogArchival": "Whether its logs stay where EMR leaves them.",
        "email": "Whom it concerns.",
        "cpu": "How many cores it needs.",
        "memory": "How much it needs, in MB.",
        "timeout": "How long it may run, in seconds.",
        "grouping": "What it belongs to: a workflow, a DAG.",
        "groupingInstance": "Which run of the grouping it belongs to.",
        "environment": "Variables that it finds set; no name that begins with `GENIE_`.",
        "attachments": "Addresses of files that were sent with it.",
        "priority": "Which goes first among those that wait: 9 before 0.",
        "queueTimeout": "How long it may wait for a cluster, in seconds.",
        "idempotent": "Whether it may run again, should its cluster be lost.",
    },
}
