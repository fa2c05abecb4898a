"""Small, valid values that tests start from."""

from __future__ import annotations

from typing import Any

from tagfleet.models.resources import Cluster, Command, JobRequest
from tagfleet.models.schemas import load_job_request, load_resource


def request_data(**changes: Any) -> dict[str, Any]:
    """A job request as a producer sends it."""
    return {
        "id": "job-1",
        "name": "daily-report",
        "user": "ana",
        "version": "1",
        "commandArgs": ["report.py"],
        "clusterCriterias": [{"tags": ["type:yarn"]}],
        "commandCriteria": ["type:spark"],
        **changes,
    }


def a_request(**changes: Any) -> JobRequest:
    """The same as a value."""
    return load_job_request(request_data(**changes))


def a_command(**changes: Any) -> Command:
    """A command that runs on YARN clusters."""
    data = {
        "id": "spark",
        "name": "spark",
        "user": "ops",
        "version": "3.5",
        "tags": ["type:spark"],
        "executableAndArguments": ["spark-submit"],
        "clusterCriteria": [{"tags": ["type:yarn"]}],
        **changes,
    }
    found = load_resource("commands", data)
    assert isinstance(found, Command)
    return found


def a_cluster(**changes: Any) -> Cluster:
    """A YARN cluster that is up."""
    data = {
        "id": "main",
        "name": "main",
        "user": "ops",
        "version": "7.5",
        "tags": ["type:yarn"],
        "engine": {
            "type": "emr",
            "clusterId": "j-MAIN",
            "stepConcurrency": 2,
            "logUri": "s3://logs/emr",
        },
        **changes,
    }
    found = load_resource("clusters", data)
    assert isinstance(found, Cluster)
    return found
