"""What cannot be written has not happened: memory, disk, and what is told of both stay the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tagfleet.workers.local_emr.server import LocalEmr

from ...emr_fixtures import Emr
from .server import bash, client_of, simulated, wait_for_step

#: A disk that takes no steps of this name, and none in a state that a step of this name comes to.
FULL = """
    CREATE TRIGGER full_{on} BEFORE {on} ON steps WHEN NEW.name LIKE 'refused %'
    AND NEW.state = substr(NEW.name, 9)
    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END
"""


class Disk:
    """A server whose disk refuses some steps."""

    def __init__(self, home: Path, server: LocalEmr) -> None:
        self.home = home
        self.client = client_of(server.url, retries={"total_max_attempts": 1})
        answer = self.client.run_job_flow(
            Name="c", Instances={"KeepJobFlowAliveWhenNoSteps": True}, LogUri="s3://bucket/logs"
        )
        self.cluster = answer["JobFlowId"]
        self.client.get_waiter("cluster_running").wait(
            ClusterId=self.cluster, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400}
        )

    def fill(self) -> None:
        """From now on steps are refused."""
        with closing(sqlite3.connect(self.home / "state.sqlite")) as connection, connection:
            for on in ("INSERT", "UPDATE"):
                connection.execute(FULL.format(on=on))

    def add(self, *steps: dict[str, Any]) -> list[str]:
        answer = self.client.add_job_flow_steps(JobFlowId=self.cluster, Steps=list(steps))
        return list(answer["StepIds"])

    def wait(self, step: str, *states: str) -> Any:
        return wait_for_step(self.client, self.cluster, step, *states)

    def states(self) -> list[str]:
        """The states of all steps, newest first."""
        steps = self.client.list_steps(ClusterId=self.cluster)["Steps"]
        return [step["Status"]["State"] for step in steps]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with LocalEmr(tmp_path) as server:
        made = Disk(tmp_path, server)
        with closing(made.client):
            yield made


def test_of_steps_that_cannot_be_written_none_is_there(disk: Disk) -> None:
    disk.fill()
    # When one of three steps cannot be written
    with pytest.raises(ClientError) as raised:
        disk.add(simulated(), simulated() | {"Name": "refused PENDING"}, simulated())
    # Then none is there, nothing runs, and others run as if nothing had been
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert disk.states() == []
    (step,) = disk.add(simulated())
    disk.wait(step, "COMPLETED")
    assert disk.states() == ["COMPLETED"]


def test_a_step_that_cannot_be_written_as_running_does_not_run(disk: Disk, tmp_path: Path) -> None:
    disk.fill()
    step = bash(f"touch {tmp_path}/ran", "refused RUNNING")
    with pytest.raises(ClientError):
        disk.add(step)
    (other,) = disk.add(bash("true"))
    disk.wait(other, "COMPLETED")
    assert not (tmp_path / "ran").exists()


def test_steps_that_run_go_on_when_another_cannot_be_written(disk: Disk, tmp_path: Path) -> None:
    # Given a step that runs, and one that waits
    wait = f"until [ -e {tmp_path}/go ]; do sleep 0.05; done"
    running, pending = disk.add(bash(wait), bash("true"))
    disk.wait(running, "RUNNING")
    disk.fill()
    # When one more is refused
    with pytest.raises(ClientError):
        disk.add(bash("true", "refused PENDING"))
    # Then the two are as they were, and end as they should
    assert disk.states() == ["PENDING", "RUNNING"]
    (tmp_path / "go").touch()
    disk.wait(running, "COMPLETED")
    disk.wait(pending, "COMPLETED")


def test_a_cancellation_that_cannot_be_written_ends_nothing(disk: Disk) -> None:
    (step,) = disk.add(simulated(600) | {"Name": "refused CANCEL_PENDING"})
    disk.wait(step, "RUNNING")
    disk.fill()
    with pytest.raises(ClientError):
        disk.client.cancel_steps(ClusterId=disk.cluster, StepIds=[step])
    assert disk.states() == ["RUNNING"]
    disk.client.terminate_job_flows(JobFlowIds=[disk.cluster])
    disk.wait(step, "CANCELLED")


@pytest.mark.parametrize(
    "step",
    [
        simulated() | {"Name": "\ud800"},
        bash("echo \udfff"),
        bash("true", ActionOnFailure="CONTINUE\ud800"),
    ],
    ids=["name", "argument", "action"],
)
def test_half_a_character_is_refused_and_jams_nothing(emr: Emr, step: dict[str, Any]) -> None:
    cluster, client = emr.cluster(), emr.clients.emr()
    with pytest.raises(ClientError) as raised:
        client.add_job_flow_steps(JobFlowId=cluster, Steps=[simulated(), step])
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert emr.steps(cluster) == []
    (added,) = client.add_job_flow_steps(JobFlowId=cluster, Steps=[simulated()])["StepIds"]
    wait_for_step(client, cluster, added, "COMPLETED")


def test_a_whole_character_beyond_the_first_plane_is_kept(emr: Emr) -> None:
    cluster, client = emr.cluster(), emr.clients.emr()
    steps: Any = [simulated() | {"Name": "\U0001f980"}]
    (step,) = client.add_job_flow_steps(JobFlowId=cluster, Steps=steps)["StepIds"]
    assert wait_for_step(client, cluster, step, "COMPLETED")["Name"] == "\U0001f980"
