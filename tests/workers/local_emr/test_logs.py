"""The logs of steps, where EMR leaves them and as it lays them out."""

from __future__ import annotations

import gzip
import time
from typing import Any

import pytest

from ...emr_fixtures import BUCKET, Emr
from .server import bash, simulated, wait_for_step

ENDED = ("COMPLETED", "FAILED", "CANCELLED")


class Logs:
    """A cluster's steps and what they leave."""

    def __init__(self, emr: Emr, log_uri: str | None = f"s3://{BUCKET}/logs") -> None:
        self.client, self.s3 = emr.clients.emr(), emr.clients.s3()
        asked: dict[str, Any] = {"Instances": {"KeepJobFlowAliveWhenNoSteps": True}}
        if log_uri:
            asked["LogUri"] = log_uri
        self.cluster = self.client.run_job_flow(Name="c", **asked)["JobFlowId"]

    def run(self, step: Any) -> Any:
        """Run a step to its end."""
        answer = self.client.add_job_flow_steps(JobFlowId=self.cluster, Steps=[step])
        return wait_for_step(self.client, self.cluster, answer["StepIds"][0], *ENDED)

    def names(self, prefix: str) -> list[str]:
        """What is in a folder."""
        rows = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
        return [row["Key"].removeprefix(prefix) for row in rows]

    def text(self, address: str) -> str:
        """What a log says."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        with self.s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
            return gzip.decompress(body.read()).decode()

    def of(self, step: Any, name: str) -> str:
        """One log of a step, of a cluster with the usual LogUri."""
        return self.text(f"s3://{BUCKET}/logs/{self.cluster}/steps/{step['Id']}/{name}.gz")


@pytest.fixture
def logs(emr: Emr) -> Logs:
    return Logs(emr)


def jar(name: str, *arguments: str) -> dict[str, Any]:
    """A step that runs a jar."""
    jar_step = {"Jar": name, "Args": list(arguments)}
    return {"Name": "x", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar_step}


def test_each_stream_of_a_step_is_a_log(logs: Logs) -> None:
    step = logs.run(bash("echo 'out ü'; echo err >&2"))
    assert logs.of(step, "stdout") == "out ü\n"
    assert logs.of(step, "stderr") == "err\n"


def test_the_controller_tells_what_was_run_and_how_it_ended(logs: Logs) -> None:
    step = logs.run(bash("exit 7"))
    told = logs.of(step, "controller")
    assert "startExec 'bash -c" in told
    assert "Step failed with exitCode 7" in told


def test_the_logs_are_there_as_soon_as_the_step_has_ended(logs: Logs) -> None:
    for _ in range(5):
        step = logs.run(bash("true"))
        prefix = f"logs/{logs.cluster}/steps/{step['Id']}/"
        assert logs.names(prefix) == ["controller.gz", "stderr.gz", "stdout.gz"]


@pytest.mark.parametrize("scheme", ["s3", "s3n", "s3a"])
def test_the_log_uri_may_end_in_a_slash_and_have_any_scheme_of_s3(emr: Emr, scheme: str) -> None:
    logs = Logs(emr, f"{scheme}://{BUCKET}/other/logs/")
    step = logs.run(bash("true"))
    prefix = f"other/logs/{logs.cluster}/steps/{step['Id']}/"
    assert logs.names(prefix) == ["controller.gz", "stderr.gz", "stdout.gz"]


def test_a_step_with_a_log_uri_of_its_own_leaves_its_logs_there_only(logs: Logs) -> None:
    monitoring = {"S3MonitoringConfiguration": {"LogUri": f"s3://{BUCKET}/own"}}
    step = logs.run(bash("exit 1", StepMonitoringConfiguration=monitoring))
    path = f"{logs.cluster}/steps/{step['Id']}/"
    assert logs.names(f"own/{path}") == ["controller.gz", "stderr.gz", "stdout.gz"]
    assert logs.names(f"logs/{path}") == []
    assert step["Status"]["FailureDetails"]["LogFile"] == f"s3://{BUCKET}/own/{path}stderr.gz"


def test_without_a_log_uri_a_failure_names_no_log(emr: Emr) -> None:
    details = Logs(emr, None).run(bash("echo reason >&2; exit 1"))["Status"]["FailureDetails"]
    assert details == {"Reason": "Unknown Error.", "Message": "reason"}


def test_a_step_that_went_well_has_no_failure_details(logs: Logs) -> None:
    assert "FailureDetails" not in logs.run(bash("echo 'Error: none' >&2"))["Status"]


@pytest.mark.parametrize(
    "step",
    [
        bash("echo 'ValueError: bad' >&2; exit 1"),
        jar("command-runner.jar", "no-such-program"),
        jar("command-runner.jar"),
        jar("script-runner.jar"),
        jar("script-runner.jar", f"s3://{BUCKET}/no-such-script"),
        jar(f"s3://{BUCKET}/no-such.jar"),
    ],
)
def test_the_log_that_a_failure_names_holds_its_message(logs: Logs, step: Any) -> None:
    details = logs.run(step)["Status"]["FailureDetails"]
    assert details["Message"]
    assert details["Message"] in logs.text(details["LogFile"])


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo first >&2; echo last >&2", "last"),
        ("echo 'Caused by: x.y.ZException: deep' >&2; echo trailing >&2", "Caused by: x.y.ZException: deep"),
        ("echo '24/01/01 00:00:00 ERROR X: real' >&2; echo '24/01/01 INFO X: noise' >&2", "24/01/01 00:00:00 ERROR X: real"),
        ("echo 'ZeroDivisionError: division by zero'; echo '24/01/01 INFO ShutdownHook: bye' >&2", "ZeroDivisionError: division by zero"),
        ("head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo 'OSError: at the end' >&2", "OSError: at the end"),
    ],
)  # fmt: skip
def test_the_likeliest_cause_of_a_failure_is_told(logs: Logs, script: str, message: str) -> None:
    details = logs.run(bash(f"{script}; exit 1"))["Status"]["FailureDetails"]
    assert details["Message"] == message


def test_list_steps_tells_the_failure_too(logs: Logs) -> None:
    step = logs.run(bash("echo reason >&2; exit 1"))
    (row,) = logs.client.list_steps(ClusterId=logs.cluster)["Steps"]
    assert row["Status"]["FailureDetails"] == step["Status"]["FailureDetails"]  # type: ignore[typeddict-item]


def test_the_logs_of_a_cancelled_step_are_kept(logs: Logs) -> None:
    (step,) = logs.client.add_job_flow_steps(
        JobFlowId=logs.cluster,
        Steps=[bash("echo before; sleep 600")],  # type: ignore[list-item]
    )["StepIds"]
    wait_for_step(logs.client, logs.cluster, step, "RUNNING")
    logs.client.cancel_steps(ClusterId=logs.cluster, StepIds=[step])
    wait_for_step(logs.client, logs.cluster, step, "CANCELLED")
    # They come a little later than the state, as on EMR.
    prefix, end = f"logs/{logs.cluster}/steps/{step}/", time.monotonic() + 60
    while "controller.gz" not in logs.names(prefix):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_simulated_step_leaves_no_logs(logs: Logs) -> None:
    logs.run(simulated())
    assert logs.names(f"logs/{logs.cluster}/") == []
