"""The variables of a job."""

from __future__ import annotations

from tagfleet.routing_rules.environment import job_environment

from .samples import cluster, command, request


def test_the_variables_of_a_plain_job() -> None:
    asked = request(tags=["b", "a"], environment={"TZ": "UTC", "LEVEL": 3})
    found = job_environment(asked, command=command("m"), cluster=cluster("k"), memory=1500)
    assert found == {
        "GENIE_VERSION": "4",
        "GENIE_JOB_ID": "job-1",
        "GENIE_JOB_NAME": "job",
        "GENIE_JOB_MEMORY": "1500",
        "GENIE_JOB_TAGS": "a,b",
        "GENIE_JOB_GROUPING": "",
        "GENIE_JOB_GROUPING_INSTANCE": "",
        "GENIE_CLUSTER_ID": "k",
        "GENIE_CLUSTER_NAME": "k",
        "GENIE_CLUSTER_TAGS": "type:yarn",
        "GENIE_COMMAND_ID": "m",
        "GENIE_COMMAND_NAME": "m",
        "GENIE_COMMAND_TAGS": "go",
        "GENIE_REQUESTED_COMMAND_TAGS": "go",
        "GENIE_REQUESTED_CLUSTER_TAGS": "[[type:yarn]]",
        "GENIE_REQUESTED_CLUSTER_TAGS_0": "type:yarn",
        "GENIE_USER": "alice",
        "GENIE_USER_GROUP": "",
        "TZ": "UTC",
        "LEVEL": "3",
    }
    assert list(found)[-2:] == ["TZ", "LEVEL"]
