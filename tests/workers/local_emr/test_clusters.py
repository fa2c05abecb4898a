"""Clusters of the local EMR: their states, how they are found, and how they end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tagfleet.workers.local_emr.server import LocalEmr

from ...emr_fixtures import Emr
from .server import bash, client_of, simulated, wait_for_step

#: A waiter that asks often.
OFTEN = {"Delay": 0.05, "MaxAttempts": 400}


@pytest.fixture
def client(emr: Emr) -> Any:
    return emr.clients.emr()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Any]:
    """A client of a server that nobody else uses."""
    with LocalEmr(tmp_path / "home") as server, closing(client_of(server.url)) as found:
        yield found


def start(client: Any, *steps: dict[str, Any], **parts: Any) -> str:
    """A new cluster; its id."""
    asked = {"Name": "c", "Instances": {"KeepJobFlowAliveWhenNoSteps": True}, "Steps": list(steps)}
    return str(client.run_job_flow(**(asked | parts))["JobFlowId"])


def status(client: Any, cluster: str) -> Any:
    return client.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]


def tags(client: Any, cluster: str) -> dict[str, str]:
    rows = client.describe_cluster(ClusterId=cluster)["Cluster"]["Tags"]
    return {row["Key"]: row["Value"] for row in rows}


def wait_for(client: Any, cluster: str, *states: str) -> Any:
    """Wait until the cluster is in one of the states; its status then."""
    for _ in range(3000):
        found = status(client, cluster)
        if found["State"] in states:
            return found
    raise AssertionError(found)


def states_of_steps(client: Any, cluster: str) -> list[str]:
    """The states of its steps, newest first."""
    steps = client.list_steps(ClusterId=cluster)["Steps"]
    return [step["Status"]["State"] for step in steps]


def test_a_cluster_without_steps_waits_for_some(client: Any) -> None:
    cluster = start(client)
    found = wait_for(client, cluster, "WAITING")
    assert found["Timeline"]["ReadyDateTime"] >= found["Timeline"]["CreationDateTime"]
    assert "EndDateTime" not in found["Timeline"]


def test_a_cluster_that_boots_is_starting_then_bootstrapping_then_waiting(tmp_path: Path) -> None:
    with LocalEmr(tmp_path, boot_seconds=1) as server, closing(client_of(server.url)) as client:
        cluster = start(client)
        assert status(client, cluster)["State"] == "STARTING"
        wait_for(client, cluster, "BOOTSTRAPPING")
        wait_for(client, cluster, "WAITING")


def test_a_step_is_pending_while_its_cluster_boots_and_runs_afterwards(tmp_path: Path) -> None:
    with LocalEmr(tmp_path, boot_seconds=1) as server, closing(client_of(server.url)) as client:
        # Given a cluster that boots
        cluster = start(client)
        # When it is given a step
        (step,) = client.add_job_flow_steps(JobFlowId=cluster, Steps=[simulated()])["StepIds"]
        # Then
        assert states_of_steps(client, cluster) == ["PENDING"]
        wait_for_step(client, cluster, step, "COMPLETED")


def test_a_cluster_is_running_while_a_step_of_it_is(client: Any) -> None:
    cluster = start(client, simulated(600))
    wait_for(client, cluster, "RUNNING")
    (step,) = client.list_steps(ClusterId=cluster)["Steps"]
    client.cancel_steps(ClusterId=cluster, StepIds=[step["Id"]])
    wait_for(client, cluster, "WAITING")


def test_a_cluster_that_is_not_kept_ends_with_its_steps(client: Any) -> None:
    instances = {"KeepJobFlowAliveWhenNoSteps": False}
    cluster = start(client, simulated(), simulated(), Instances=instances)
    client.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig=OFTEN)
    found = status(client, cluster)
    assert found["State"] == "TERMINATED"
    assert found["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"
    assert states_of_steps(client, cluster) == ["COMPLETED", "COMPLETED"]


def test_a_failed_step_that_terminates_its_cluster_cancels_the_others(client: Any) -> None:
    cluster = start(client, simulated(code=1) | {"ActionOnFailure": "TERMINATE_CLUSTER"}, bash(""))
    found = wait_for(client, cluster, "TERMINATED_WITH_ERRORS")
    assert found["StateChangeReason"]["Code"] == "STEP_FAILURE"
    assert states_of_steps(client, cluster) == ["CANCELLED", "FAILED"]


def test_a_failed_step_that_cancels_and_waits_leaves_its_cluster_waiting(client: Any) -> None:
    cluster = start(client, simulated(code=1) | {"ActionOnFailure": "CANCEL_AND_WAIT"}, bash(""))
    wait_for(client, cluster, "WAITING")
    assert states_of_steps(client, cluster) == ["CANCELLED", "FAILED"]


def test_a_failed_step_that_continues_lets_the_next_one_run(client: Any) -> None:
    cluster = start(client, simulated(code=1), simulated())
    wait_for(client, cluster, "WAITING")
    assert states_of_steps(client, cluster) == ["COMPLETED", "FAILED"]


def test_clusters_are_listed_newest_first_a_page_of_fifty(empty: Any) -> None:
    ids = [start(empty) for _ in range(60)]
    pages = list(empty.get_paginator("list_clusters").paginate())
    assert [len(page["Clusters"]) for page in pages] == [50, 10]
    assert [row["Id"] for page in pages for row in page["Clusters"]] == ids[::-1]


def test_clusters_that_are_made_meanwhile_do_not_move_the_next_page(empty: Any) -> None:
    ids = [start(empty) for _ in range(51)]
    marker = empty.list_clusters()["Marker"]
    start(empty)
    page = empty.list_clusters(Marker=marker)
    assert [row["Id"] for row in page["Clusters"]] == [ids[0]]


def test_clusters_are_listed_by_state(empty: Any) -> None:
    ended, waiting = start(empty), start(empty)
    empty.terminate_job_flows(JobFlowIds=[ended])
    wait_for(empty, ended, "TERMINATED")
    wait_for(empty, waiting, "WAITING")
    by_state = {
        state: [row["Id"] for row in empty.list_clusters(ClusterStates=[state])["Clusters"]]
        for state in ("WAITING", "TERMINATED", "STARTING")
    }
    assert by_state == {"WAITING": [waiting], "TERMINATED": [ended], "STARTING": []}


def test_clusters_are_listed_by_when_they_were_made(empty: Any) -> None:
    cluster = start(empty)
    made = status(empty, cluster)["Timeline"]["CreationDateTime"]
    before, after = made - timedelta(seconds=1), made + timedelta(seconds=1)
    found = empty.list_clusters(CreatedAfter=before, CreatedBefore=after)["Clusters"]
    assert [row["Id"] for row in found] == [cluster]
    assert empty.list_clusters(CreatedAfter=after)["Clusters"] == []
    assert empty.list_clusters(CreatedBefore=before)["Clusters"] == []


def test_a_summary_has_no_tags_and_a_description_has(client: Any) -> None:
    name = uuid.uuid4().hex
    cluster = start(client, Name=name, Tags=[{"Key": "team", "Value": "x"}])
    (row,) = [row for row in client.list_clusters()["Clusters"] if row["Name"] == name]
    assert row["Id"] == cluster
    assert "Tags" not in row
    assert tags(client, cluster) == {"team": "x"}


def test_tags_are_added_replaced_and_removed(client: Any) -> None:
    cluster = start(client, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    client.add_tags(ResourceId=cluster, Tags=[{"Key": "b", "Value": "3"}, {"Key": "c"}])
    client.remove_tags(ResourceId=cluster, TagKeys=["a", "none"])
    assert tags(client, cluster) == {"b": "3", "c": ""}


def test_a_description_gives_back_what_was_asked_for(client: Any) -> None:
    asked = {"ReleaseLabel": "emr-7.5.0", "LogUri": "s3://bucket/logs", "ServiceRole": "role"}
    cluster = start(client, StepConcurrencyLevel=7, Applications=[{"Name": "Spark"}], **asked)
    found = client.describe_cluster(ClusterId=cluster)["Cluster"]
    assert {name: found[name] for name in asked} == asked
    assert (found["StepConcurrencyLevel"], found["Applications"]) == (7, [{"Name": "Spark"}])
    assert (found["AutoTerminate"], found["TerminationProtected"]) == (False, False)


def test_more_steps_run_at_once_as_soon_as_the_cluster_allows_more(client: Any) -> None:
    # Given a cluster that runs one of three steps
    cluster = start(client, *(simulated(600) for _ in range(3)))
    wait_for(client, cluster, "RUNNING")
    assert states_of_steps(client, cluster) == ["PENDING", "PENDING", "RUNNING"]
    # When it is allowed two
    answer = client.modify_cluster(ClusterId=cluster, StepConcurrencyLevel=2)
    # Then
    assert answer["StepConcurrencyLevel"] == 2
    assert states_of_steps(client, cluster) == ["PENDING", "RUNNING", "RUNNING"]
    client.terminate_job_flows(JobFlowIds=[cluster])


@pytest.mark.parametrize("level", [0, 257])
def test_a_step_concurrency_that_emr_does_not_have_is_refused(client: Any, level: int) -> None:
    cluster = start(client)
    with pytest.raises(ClientError, match="Invalid step concurrency level"):
        client.modify_cluster(ClusterId=cluster, StepConcurrencyLevel=level)
    with pytest.raises(ClientError, match="Invalid step concurrency level"):
        start(client, StepConcurrencyLevel=level)


def test_a_protected_cluster_is_not_terminated_until_it_is_no_longer_protected(client: Any) -> None:
    protected, other = start(client), start(client)
    client.set_termination_protection(JobFlowIds=[protected], TerminationProtected=True)
    with pytest.raises(ClientError, match="termination protected"):
        client.terminate_job_flows(JobFlowIds=[other, protected])
    assert not status(client, other)["State"].startswith("TERMINAT")
    client.set_termination_protection(JobFlowIds=[protected], TerminationProtected=False)
    client.terminate_job_flows(JobFlowIds=[other, protected])
    assert wait_for(client, protected, "TERMINATED")["StateChangeReason"]["Code"] == "USER_REQUEST"


def test_a_cluster_is_terminated_twice_without_complaint(client: Any) -> None:
    cluster = start(client)
    client.terminate_job_flows(JobFlowIds=[cluster])
    ended = wait_for(client, cluster, "TERMINATED")
    client.terminate_job_flows(JobFlowIds=[cluster])
    assert status(client, cluster) == ended


def test_no_more_than_ten_clusters_are_terminated_at_once(client: Any) -> None:
    with pytest.raises(ClientError, match="10"):
        client.terminate_job_flows(JobFlowIds=[start(client) for _ in range(11)])


def test_the_tags_of_a_terminated_cluster_stay_as_they_are(client: Any) -> None:
    cluster = start(client)
    client.terminate_job_flows(JobFlowIds=[cluster])
    wait_for(client, cluster, "TERMINATED")
    with pytest.raises(ClientError, match="terminated"):
        client.add_tags(ResourceId=cluster, Tags=[{"Key": "a", "Value": "b"}])


def test_after_a_restart_a_cluster_is_as_it_was(tmp_path: Path) -> None:
    with LocalEmr(tmp_path) as server, closing(client_of(server.url)) as client:
        parts = {"Tags": [{"Key": "a", "Value": "b"}], "LogUri": "s3://bucket/logs"}
        cluster = start(client, StepConcurrencyLevel=3, **parts)
        wait_for(client, cluster, "WAITING")
        before = client.describe_cluster(ClusterId=cluster)["Cluster"]
    with LocalEmr(tmp_path) as server, closing(client_of(server.url)) as client:
        assert client.describe_cluster(ClusterId=cluster)["Cluster"] == before
