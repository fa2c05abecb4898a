"""What is left of clusters and steps when the server was killed, beside what `test_trouble` holds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from .server import Server, bash, simulated, wait_for_step, wait_for_the_end

ENDED = ("COMPLETED", "FAILED", "CANCELLED")


def start(client: Any, concurrency: int = 1, **parts: Any) -> str:
    """A new cluster; its id."""
    answer = client.run_job_flow(
        Name="c",
        StepConcurrencyLevel=concurrency,
        Instances={"KeepJobFlowAliveWhenNoSteps": True},
        **parts,
    )
    return str(answer["JobFlowId"])


def add(client: Any, cluster: str, *steps: dict[str, Any]) -> list[str]:
    """Add steps; their ids."""
    return list(client.add_job_flow_steps(JobFlowId=cluster, Steps=list(steps))["StepIds"])


def state_of(client: Any, cluster: str) -> str:
    return str(client.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"])


@pytest.mark.parametrize("seed", range(3))
def test_no_step_ever_runs_twice_whenever_the_server_is_killed(tmp_path: Path, seed: int) -> None:
    moments, marks = random.Random(seed), tmp_path / "marks"
    # Given steps that each leave a mark
    with Server(tmp_path / "home") as server:
        client = server.client()
        cluster = start(client, concurrency=3)
        # A step knows its own id: the marks tell which of them ran.
        steps = [bash(f"echo $EMR_STEP_ID >> {marks}; sleep 0.05") for _ in range(40)]
        ids = add(client, cluster, *steps)
        # When the server is killed again and again
        for _ in range(4):
            for _ in range(moments.randrange(60)):
                client.list_clusters()
            server.kill()
            server.start()
            client = server.client()
        # Then each step ends, and none ran twice
        ends = {step: wait_for_step(client, cluster, step, *ENDED) for step in ids}
        ran = marks.read_text().split()
        assert sorted(ran) == sorted(set(ran))
        completed = {step for step, end in ends.items() if end["Status"]["State"] == "COMPLETED"}
        assert completed <= set(ran)
        assert len(completed) > 0
        assert {
            end["Status"]["FailureDetails"]["Reason"]
            for step, end in ends.items()
            if step not in completed
        } <= {"Local EMR restarted"}
        assert max(row["process_starts"] for row in server.ledger()) <= 1


def test_a_step_that_was_being_cancelled_is_cancelled(tmp_path: Path) -> None:
    # Given a step that takes no notice of its interruption
    ready = tmp_path / "ready"
    with Server(tmp_path / "home") as server:
        client = server.client()
        cluster = start(client)
        script = f"trap '' TERM; echo $$ > {ready}; while true; do sleep 0.1; done"
        (step,) = add(client, cluster, bash(script))
        while not (ready.exists() and ready.read_text()):
            wait_for_step(client, cluster, step, "RUNNING")
        client.cancel_steps(ClusterId=cluster, StepIds=[step])
        assert wait_for_step(client, cluster, step, "CANCEL_PENDING")
        # When the server is killed
        server.kill()
        server.start()
        # Then
        wait_for_step(server.client(), cluster, step, "CANCELLED")
        wait_for_the_end(ready.read_text())


def test_a_cluster_that_was_shutting_down_is_terminated(tmp_path: Path) -> None:
    with Server(tmp_path / "home", "--boot-seconds", "5") as server:
        client = server.client()
        cluster = start(client)
        client.terminate_job_flows(JobFlowIds=[cluster])
        assert state_of(client, cluster) == "TERMINATING"
        server.kill()
        server.start()
        assert state_of(server.client(), cluster) == "TERMINATED"


def test_a_cluster_that_was_booting_runs_its_steps(tmp_path: Path) -> None:
    with Server(tmp_path / "home", "--boot-seconds", "30") as server:
        client = server.client()
        cluster = start(client, Steps=[simulated()])
        assert state_of(client, cluster) == "STARTING"
        server.kill()
        server.start()
        client = server.client()
        (step,) = client.list_steps(ClusterId=cluster)["Steps"]
        wait_for_step(client, cluster, step["Id"], "COMPLETED")


def test_what_ended_before_is_told_as_before(tmp_path: Path) -> None:
    with Server(tmp_path / "home") as server:
        client = server.client()
        cluster = start(client, LogUri="s3://bucket/logs")
        ids = add(client, cluster, bash("echo 'ValueError: bad' >&2; exit 1"), bash("true"))
        before = [wait_for_step(client, cluster, step, *ENDED) for step in ids]
        server.kill()
        server.start()
        client = server.client()
        assert [wait_for_step(client, cluster, step, *ENDED) for step in ids] == before


def test_objects_are_there_as_before(tmp_path: Path) -> None:
    with Server(tmp_path / "home") as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="bucket")
        etag = s3.put_object(Bucket="bucket", Key="a/b", Body=b"content")["ETag"]
        server.kill()
        server.start()
        s3 = server.client("s3")
        with (found := s3.get_object(Bucket="bucket", Key="a/b"))["Body"] as body:
            assert (body.read(), found["ETag"]) == (b"content", etag)


def test_a_cluster_that_is_not_kept_ends_when_nothing_is_left_to_run(tmp_path: Path) -> None:
    with Server(tmp_path / "home") as server:
        client = server.client()
        answer = client.run_job_flow(
            Name="c",
            Instances={"KeepJobFlowAliveWhenNoSteps": False},
            Steps=[simulated(600), simulated()],
        )
        cluster = answer["JobFlowId"]
        second, first = client.list_steps(ClusterId=cluster)["Steps"]
        wait_for_step(client, cluster, first["Id"], "RUNNING")
        server.kill()
        server.start()
        client = server.client()
        wait_for_step(client, cluster, second["Id"], "COMPLETED")
        often = {"Delay": 0.05, "MaxAttempts": 400}
        client.get_waiter("cluster_terminated").wait(ClusterId=cluster, WaiterConfig=often)
