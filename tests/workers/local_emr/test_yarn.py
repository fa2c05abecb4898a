"""YARN applications of the local EMR: they outlive their step, and end when somebody ends them."""

from __future__ import annotations

import gzip
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

from ...emr_fixtures import BUCKET, Emr
from .server import Server, bash, is_alive, wait_for_step, wait_for_the_end

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED")


def application(script: str, before: str = "true") -> dict[str, Any]:
    """A step that runs a line of bash as an application."""
    shell = f"yarn jar distributedshell.jar -shell_command {shlex.quote(script)}"
    return bash(f"{before}; exec {shell}")


class Yarn:
    """A cluster, and its applications."""

    def __init__(self, client: Any, cluster: str, folder: Path) -> None:
        self.client, self.cluster, self.folder = client, cluster, folder

    def add(self, *steps: dict[str, Any]) -> list[str]:
        answer = self.client.add_job_flow_steps(JobFlowId=self.cluster, Steps=list(steps))
        return list(answer["StepIds"])

    def wait(self, step: str, *states: str) -> Any:
        return wait_for_step(self.client, self.cluster, step, *(states or ENDED))

    def run(self, script: str) -> tuple[str, str]:
        """Run a step to its end; its state, and what it wrote."""
        out = self.folder / "out"
        (step,) = self.add(bash(f"exec > {out} 2>&1; {script}"))
        return self.wait(step)["Status"]["State"], out.read_text()

    def start(self, script: str = "true") -> tuple[str, str, str]:
        """Start an application that does not end; its step, its id, and its process's."""
        mark = self.folder / "mark"
        (step,) = self.add(application(f"{script}; echo $$ > {mark}; sleep 600 & wait"))
        process = written(mark)
        (found,) = self.ids(step)
        return step, found, process

    def ids(self, step: str) -> list[str]:
        """The applications of a step, as DescribeStep and ListSteps agree."""
        described = self.client.describe_step(ClusterId=self.cluster, StepId=step)["Step"]
        (listed,) = self.client.list_steps(ClusterId=self.cluster, StepIds=[step])["Steps"]
        assert described.get("AdditionalInfo") == listed.get("AdditionalInfo")
        return list(described.get("AdditionalInfo", {}).get("ResourceManagerApplicationIds", []))


def new_cluster(client: Any) -> str:
    answer = client.run_job_flow(
        Name="c", StepConcurrencyLevel=2, Instances={"KeepJobFlowAliveWhenNoSteps": True}
    )
    return str(answer["JobFlowId"])


@pytest.fixture
def yarn(emr: Emr, tmp_path: Path) -> Yarn:
    return Yarn(emr.clients.emr(), emr.cluster(), tmp_path)


def written(path: Path) -> str:
    """Wait until a line was written to a file; that line."""
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.01)
    return path.read_text()


def log_of(emr: Emr, yarn: Yarn, step: str, name: str) -> str:
    """One of a step's logs, where EMR copies them to."""
    s3 = emr.clients.s3()
    key = f"logs/{yarn.cluster}/steps/{step}/{name}.gz"
    with s3.get_object(Bucket=BUCKET, Key=key)["Body"] as body:
        return gzip.decompress(body.read()).decode()


def test_a_step_waits_for_its_application_and_passes_on_what_it_writes(
    emr: Emr, yarn: Yarn
) -> None:
    (step,) = yarn.add(application("echo out; echo problem >&2; pwd > where"))
    assert yarn.wait(step)["Status"]["State"] == "COMPLETED"
    (found,) = yarn.ids(step)
    assert found.startswith("application_")
    assert found.endswith("_0001")
    assert log_of(emr, yarn, step, "stdout") == "out\n"
    stderr = log_of(emr, yarn, step, "stderr")
    assert f"Submitted application {found}" in stderr
    assert "problem" in stderr


def test_a_step_fails_with_its_application_and_says_why(yarn: Yarn) -> None:
    (step,) = yarn.add(application("echo 'ValueError: bad' >&2; exit 3"))
    status = yarn.wait(step)["Status"]
    assert (status["State"], status["FailureDetails"]["Message"]) == ("FAILED", "ValueError: bad")


def test_a_step_without_an_application_has_no_additional_info(yarn: Yarn) -> None:
    (step,) = yarn.add(bash("true"))
    assert yarn.ids(step) == []


@pytest.mark.parametrize("how", ["SEND_INTERRUPT", "TERMINATE_PROCESS"])
def test_an_application_outlives_its_cancelled_step_until_it_is_killed(
    yarn: Yarn, how: str
) -> None:
    # Given an application that runs
    step, found, process = yarn.start()
    # When its step is cancelled
    yarn.client.cancel_steps(ClusterId=yarn.cluster, StepIds=[step], StepCancellationOption=how)
    assert yarn.wait(step)["Status"]["State"] == "CANCELLED"
    # Then the application lives on, and can be seen
    assert is_alive(process)
    assert yarn.ids(step) == [found]
    state, text = yarn.run("yarn application -list")
    assert (state, f"{found}\tRUNNING\tUNDEFINED" in text) == ("COMPLETED", True)
    # Until a step kills it
    assert yarn.run(f"yarn application -kill {found}")[0] == "COMPLETED"
    wait_for_the_end(process)
    assert "Final-State : KILLED" in yarn.run(f"yarn application -status {found}")[1]
    assert found not in yarn.run("yarn application -list")[1]


def test_an_application_keeps_its_folder_when_its_step_is_cancelled(yarn: Yarn) -> None:
    # Given an application that will look at a file of its step's folder
    go, seen = yarn.folder / "go", yarn.folder / "seen"
    look = f"until [ -e {go} ]; do sleep 0.05; done; cat file > {seen}; echo >> {seen}"
    mark = yarn.folder / "mark"
    (step,) = yarn.add(application(f"pwd > {mark}; {look}", before="echo content > file"))
    folder = Path(written(mark).strip())
    # When the step is cancelled, and the application goes on
    yarn.client.cancel_steps(ClusterId=yarn.cluster, StepIds=[step])
    yarn.wait(step, "CANCELLED")
    go.touch()
    # Then it finds the file, and nothing is left of the folder afterwards
    assert written(seen).startswith("content")
    deadline = time.monotonic() + 10
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_application_that_has_ended_is_killed_without_complaint(yarn: Yarn) -> None:
    (step,) = yarn.add(application("true"))
    yarn.wait(step, "COMPLETED")
    (found,) = yarn.ids(step)
    state, text = yarn.run(f"yarn application -kill {found}")
    assert (state, "already finished" in text) == ("COMPLETED", True)
    assert "Final-State : SUCCEEDED" in yarn.run(f"yarn application -status {found}")[1]


def test_an_application_that_is_killed_fails_its_step(yarn: Yarn) -> None:
    step, found, _ = yarn.start()
    assert yarn.run(f"yarn application -kill {found}")[0] == "COMPLETED"
    assert yarn.wait(step)["Status"]["State"] == "FAILED"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("yarn application -kill application_1_0001", "doesn't exist in RM"),
        ("yarn logs -applicationId x", "knows only"),
        ("yarn jar x.jar -shell_command", "knows only"),
    ],
)
def test_what_the_local_yarn_cannot_do_fails_with_a_word(yarn: Yarn, line: str, said: str) -> None:
    state, text = yarn.run(line)
    assert (state, said in text) == ("FAILED", True)


@pytest.mark.parametrize("dies", [False, True], ids=["terminated", "killed"])
def test_applications_end_with_their_cluster(emr: Emr, yarn: Yarn, dies: bool) -> None:
    # Given an application whose step was cancelled
    step, _, process = yarn.start()
    yarn.client.cancel_steps(ClusterId=yarn.cluster, StepIds=[step])
    yarn.wait(step, "CANCELLED")
    # When its cluster ends, then
    if dies:
        emr.ask("POST", "kill", {"cluster": yarn.cluster})
    else:
        yarn.client.terminate_job_flows(JobFlowIds=[yarn.cluster])
    wait_for_the_end(process)


def test_applications_of_a_killed_server_die_with_it_and_are_known_after(tmp_path: Path) -> None:
    with Server(tmp_path / "home") as server:
        client = server.client()
        yarn = Yarn(client, new_cluster(client), tmp_path)
        step, found, process = yarn.start()
        client.cancel_steps(ClusterId=yarn.cluster, StepIds=[step])
        yarn.wait(step, "CANCELLED")
        # When the server is killed
        server.kill()
        wait_for_the_end(process)
        # Then the application is gone, and its id is still its step's
        server.start()
        yarn.client = server.client()
        assert yarn.ids(step) == [found]
        assert yarn.run(f"yarn application -kill {found}")[0] == "COMPLETED"
        assert "Final-State : KILLED" in yarn.run(f"yarn application -status {found}")[1]
        # And a new one gets another id
        (other,) = yarn.add(application("true"))
        yarn.wait(other, "COMPLETED")
        assert yarn.ids(other) == [found.replace("_0001", "_0002")]


def test_spark_in_cluster_mode_is_an_application_and_lives_on(emr: Emr, yarn: Yarn) -> None:
    # Given a PySpark application that says where it is, and does not end
    mark = yarn.folder / "mark"
    script = f"""
import os, time
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(1).count()
open({str(mark)!r}, "w").write(str(os.getpid()) + "\\n")
time.sleep(600)
"""
    key = f"{yarn.folder.name}/app.py"
    emr.clients.s3().put_object(Bucket=BUCKET, Key=key, Body=script.encode())
    line = ["spark-submit", "--master", "yarn", "--deploy-mode", "cluster", f"s3://{BUCKET}/{key}"]
    jar = {"Jar": "command-runner.jar", "Args": line}
    step_config: dict[str, Any] = {
        "Name": "spark",
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": jar,
    }
    (step,) = yarn.add(step_config)
    process = written(mark)
    (found,) = yarn.ids(step)
    # When its step is cancelled
    yarn.client.cancel_steps(
        ClusterId=yarn.cluster, StepIds=[step], StepCancellationOption="TERMINATE_PROCESS"
    )
    yarn.wait(step, "CANCELLED")
    # Then it lives on, until it is killed
    assert is_alive(process)
    assert yarn.run(f"yarn application -kill {found}")[0] == "COMPLETED"
    wait_for_the_end(process)


def test_spark_in_client_mode_is_no_application(yarn: Yarn) -> None:
    line = "spark-submit --deploy-mode client none.py || true"
    (step,) = yarn.add(bash(line))
    assert yarn.wait(step)["Status"]["State"] == "COMPLETED"
    assert yarn.ids(step) == []
