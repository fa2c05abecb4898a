"""Trouble on request, and trouble for real: lost answers, throttles, kill -9."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tagfleet.workers.local_emr.server import LocalEmr

from .server import (
    Server,
    bash,
    client_of,
    is_alive,
    simulated,
    wait_for_step,
    wait_for_the_end,
)


def fault(server: Server, **faults: Any) -> None:
    request = urllib.request.Request(f"{server.url}/_local/faults", json.dumps(faults).encode())
    urllib.request.urlopen(request).close()


def cluster_of(client: Any, concurrency: int = 1) -> str:
    answer = client.run_job_flow(
        Name="c", StepConcurrencyLevel=concurrency, Instances={"KeepJobFlowAliveWhenNoSteps": True}
    )
    return str(answer["JobFlowId"])


def test_boto3_itself_doubles_a_step_whose_answer_was_lost(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        client = server.client()
        cluster = cluster_of(client)
        fault(server, AddJobFlowSteps={"mode": "drop", "count": 1})
        client.add_job_flow_steps(JobFlowId=cluster, Steps=[simulated()])
        assert len(server.ledger()) == 2


def test_a_client_that_never_repeats_makes_one_step_and_learns_that_it_does_not_know(
    tmp_path: Path,
) -> None:
    with Server(tmp_path) as server:
        client = server.client(retries={"total_max_attempts": 1})
        cluster = cluster_of(client)
        fault(server, AddJobFlowSteps={"mode": "drop", "count": 1})
        with pytest.raises(ConnectionClosedError):
            client.add_job_flow_steps(JobFlowId=cluster, Steps=[simulated()])
        assert len(server.ledger()) == 1


def test_the_documented_quotas_are_enforced_when_asked_for(tmp_path: Path) -> None:
    with Server(tmp_path, "--throttle") as server:
        client = server.client(retries={"total_max_attempts": 1})
        cluster = cluster_of(client)
        for _ in range(10):
            client.list_steps(ClusterId=cluster)
        with pytest.raises(ClientError) as raised:
            client.list_steps(ClusterId=cluster)
    answer = raised.value.response
    assert (answer["Error"]["Code"], answer["Error"]["Message"]) == (
        "ThrottlingException",
        "Rate exceeded",
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_the_quotas_are_those_of_emr_and_leave_s3_alone(tmp_path: Path) -> None:
    with Server(tmp_path, "--throttle") as server:
        s3 = server.client("s3", retries={"total_max_attempts": 1})
        s3.create_bucket(Bucket="bucket")
        for number in range(50):
            s3.put_object(Bucket="bucket", Key=str(number), Body=b"")
        assert s3.list_objects_v2(Bucket="bucket")["KeyCount"] == 50


def test_a_server_that_stops_ends_the_steps_that_run_without_complaint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mark = tmp_path / "mark"
    # Given a server in this process, with a step that runs
    with LocalEmr(tmp_path / "home") as emr, closing(client_of(emr.url)) as client:
        steps = [bash(f"echo $$ > {mark}; sleep 600")]
        cluster = cluster_of(client)
        (step,) = client.add_job_flow_steps(JobFlowId=cluster, Steps=steps)["StepIds"]
        while not (mark.exists() and mark.read_text()):
            wait_for_step(client, cluster, step, "RUNNING")
    # When it has stopped, then
    wait_for_the_end(mark.read_text())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_after_a_kill_pending_steps_run_once_and_the_running_one_never_again(
    tmp_path: Path,
) -> None:
    marks = tmp_path / "marks"
    # Given a cluster that runs one step at a time
    with Server(tmp_path / "home") as server:
        client = server.client()
        cluster = cluster_of(client)
        steps = [
            bash(f"echo {name} >> {marks}; sleep {seconds}", name)
            for name, seconds in (("a", 600), ("b", 0), ("c", 0))
        ]
        first, *others = client.add_job_flow_steps(JobFlowId=cluster, Steps=steps)["StepIds"]
        while not marks.exists():
            wait_for_step(client, cluster, first, "RUNNING")
        # When the server is killed and started again
        server.kill()
        server.start()
        client = server.client()
        # Then
        found = wait_for_step(client, cluster, first, "FAILED")
        assert found["Status"]["FailureDetails"]["Reason"] == "Local EMR restarted"
        for step in others:
            wait_for_step(client, cluster, step, "COMPLETED")
        assert marks.read_text().split() == ["a", "b", "c"]
        assert {row["process_starts"] for row in server.ledger()} == {1}
        assert client.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"] == "WAITING"


def test_the_steps_of_a_killed_server_die_with_it(tmp_path: Path) -> None:
    with Server(tmp_path / "home") as server:
        client = server.client()
        cluster = cluster_of(client)
        script = f"sleep 600 & echo $! > {tmp_path}/child; wait"
        (step,) = client.add_job_flow_steps(JobFlowId=cluster, Steps=[bash(script)])["StepIds"]
        child = tmp_path / "child"
        while not (child.exists() and child.read_text()):
            wait_for_step(client, cluster, step, "RUNNING")
        assert is_alive(child.read_text())
        server.kill()
        wait_for_the_end(child.read_text())


@pytest.mark.parametrize("taken", ["home", "port"])
def test_what_another_server_uses_is_refused_with_exit_code_3(tmp_path: Path, taken: str) -> None:
    with Server(tmp_path / "home") as server:
        home = server.home if taken == "home" else tmp_path / "other"
        port = "0" if taken == "home" else server.url.rpartition(":")[2]
        command = [
            sys.executable,
            "-m",
            "tagfleet",
            "local-emr",
            "--home",
            str(home),
            "--port",
            port,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "choose another --home" in done.stderr or "Choose another --port" in done.stderr


def test_an_operation_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with Server(tmp_path) as server, pytest.raises(ClientError) as raised:
        server.client(retries={"total_max_attempts": 1}).list_studios()
    assert "ListStudios" in str(raised.value)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
