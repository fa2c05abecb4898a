"""Steps of the local EMR really run, within EMR's limits and with its words."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ...emr_fixtures import BUCKET, Emr
from .server import bash, simulated, wait_for_step, wait_for_the_end

ENDED = ("COMPLETED", "FAILED", "CANCELLED")


class Steps:
    """One cluster, and what is done to it."""

    def __init__(self, emr: Emr, concurrency: int = 2) -> None:
        self.emr, self.client = emr, emr.clients.emr()
        self.cluster = emr.cluster(concurrency)

    def add(self, *steps: dict[str, Any]) -> list[str]:
        """Add steps; their ids."""
        answer = self.client.add_job_flow_steps(JobFlowId=self.cluster, Steps=list(steps))
        return list(answer["StepIds"])

    def wait(self, step: str, *states: str) -> dict[str, Any]:
        """Wait for a step."""
        return wait_for_step(self.client, self.cluster, step, *(states or ENDED))


@pytest.fixture
def steps(emr: Emr) -> Steps:
    return Steps(emr)


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    """The code and the text of an error that the call must end with."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_step_runs_as_a_process_and_leaves_its_logs_as_emr_does(steps: Steps) -> None:
    (step,) = steps.add(bash("echo out; echo err >&2"))
    found = steps.wait(step)
    assert found["Status"]["State"] == "COMPLETED"
    assert {"CreationDateTime", "StartDateTime", "EndDateTime"} <= set(found["Status"]["Timeline"])
    s3 = steps.emr.clients.s3()
    prefix = f"logs/{steps.cluster}/steps/{step}/"
    names = [row["Key"] for row in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]]
    assert names == [f"{prefix}{name}.gz" for name in ("controller", "stderr", "stdout")]
    body = s3.get_object(Bucket=BUCKET, Key=f"{prefix}stdout.gz")["Body"].read()
    assert gzip.decompress(body) == b"out\n"


def test_a_failed_step_says_why_and_where_its_log_is(steps: Steps) -> None:
    (step,) = steps.add(bash("echo 'ValueError: bad day' >&2; exit 3"))
    details = steps.wait(step)["Status"]["FailureDetails"]
    assert details["Message"] == "ValueError: bad day"
    assert details["LogFile"].endswith(f"/{steps.cluster}/steps/{step}/stderr.gz")


def test_a_program_that_is_not_there_fails_the_step(steps: Steps) -> None:
    jar = {"Jar": "command-runner.jar", "Args": ["no-such-program"]}
    (step,) = steps.add({"Name": "x", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar})
    details = steps.wait(step)["Status"]["FailureDetails"]
    assert details["Message"] == "no-such-program: command not found"


def test_a_script_in_s3_is_run_by_script_runner(steps: Steps) -> None:
    steps.emr.clients.s3().put_object(Bucket=BUCKET, Key="script.sh", Body=b'test "$1" = "a b"')
    jar = {
        "Jar": "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar",
        "Args": [f"s3://{BUCKET}/script.sh", "a b"],
    }
    (step,) = steps.add({"Name": "x", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar})
    assert steps.wait(step)["Status"]["State"] == "COMPLETED"


def test_no_more_steps_run_at_once_than_the_cluster_allows(steps: Steps, tmp_path: Path) -> None:
    # Given steps that note how many of them run
    script = f"touch {tmp_path}/$$.run; ls {tmp_path}/*.run | wc -l >> {tmp_path}/seen; sleep 0.2; rm {tmp_path}/$$.run"
    ids = steps.add(*(bash(script) for _ in range(6)))
    # When all have run
    assert {steps.wait(step)["Status"]["State"] for step in ids} == {"COMPLETED"}
    # Then
    assert max(map(int, (tmp_path / "seen").read_text().split())) <= 2


def test_a_running_step_is_interrupted_and_nothing_of_it_is_left(
    steps: Steps, tmp_path: Path
) -> None:
    (step,) = steps.add(bash(f"sleep 600 & echo $! > {tmp_path}/child; wait"))
    steps.wait(step, "RUNNING")
    for _ in range(1000):
        if (tmp_path / "child").exists() and (tmp_path / "child").read_text():
            break
        steps.emr.ask("GET", "health")
    answer = steps.client.cancel_steps(ClusterId=steps.cluster, StepIds=[step])
    assert answer["CancelStepsInfoList"][0]["Status"] == "SUBMITTED"
    assert steps.wait(step)["Status"]["State"] == "CANCELLED"
    wait_for_the_end((tmp_path / "child").read_text())


def test_a_step_that_ignores_the_interrupt_is_killed_when_its_process_is_terminated(
    steps: Steps, tmp_path: Path
) -> None:
    (step,) = steps.add(
        bash(f"trap '' TERM; touch {tmp_path}/ready; while true; do sleep 0.1; done")
    )
    for _ in range(3000):
        if (tmp_path / "ready").exists():
            break
        steps.emr.ask("GET", "health")
    steps.client.cancel_steps(ClusterId=steps.cluster, StepIds=[step])
    assert steps.wait(step, "CANCEL_PENDING")
    steps.client.cancel_steps(
        ClusterId=steps.cluster, StepIds=[step], StepCancellationOption="TERMINATE_PROCESS"
    )
    assert steps.wait(step)["Status"]["State"] == "CANCELLED"


def test_a_pending_step_that_is_cancelled_never_runs(emr: Emr, tmp_path: Path) -> None:
    steps = Steps(emr, concurrency=1)
    running, pending = steps.add(bash("sleep 600"), bash(f"touch {tmp_path}/ran"))
    steps.client.cancel_steps(ClusterId=steps.cluster, StepIds=[pending, running])
    assert steps.wait(pending)["Status"]["State"] == "CANCELLED"
    assert steps.wait(running)["Status"]["State"] == "CANCELLED"
    assert not (tmp_path / "ran").exists()


def test_steps_are_listed_newest_first_a_page_of_fifty(steps: Steps) -> None:
    ids = steps.add(*(simulated() for _ in range(120)))
    pages = list(steps.client.get_paginator("list_steps").paginate(ClusterId=steps.cluster))
    assert [len(page["Steps"]) for page in pages] == [50, 50, 20]
    assert [step["Id"] for page in pages for step in page["Steps"]] == ids[::-1]


@pytest.mark.parametrize(
    ("operation", "parameters", "code", "text"),
    [
        ("describe_cluster", {"ClusterId": "j-NONE"}, "InvalidRequestException", "Cluster id 'j-NONE' is not valid."),
        ("add_job_flow_steps", {"JobFlowId": "j-NONE", "Steps": [simulated()]}, "ValidationException", "Specified job flow ID not valid"),
        ("describe_step", {"ClusterId": "CLUSTER", "StepId": "s-NONE"}, "InvalidRequestException", "Step id 's-NONE' is not valid."),
        ("list_steps", {"ClusterId": "CLUSTER", "StepIds": [f"s-{n}" for n in range(11)]}, "InvalidRequestException", "A maximum of 10 step ids may be specified."),
        ("list_steps", {"ClusterId": "CLUSTER", "StepIds": ["s-1"], "StepStates": ["PENDING"]}, "InvalidRequestException", "Cannot specify both StepIds and StepStates."),
        ("add_job_flow_steps", {"JobFlowId": "CLUSTER", "Steps": [simulated(600)] * 257}, "ValidationException", "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded."),
        ("add_job_flow_steps", {"JobFlowId": "CLUSTER", "Steps": [bash("x" * 11_000)]}, "ValidationException", "The string values passed into HadoopJarStep object cannot exceed a total of 10240 characters."),
    ],
)  # fmt: skip
def test_what_emr_refuses_is_refused_in_its_words(
    steps: Steps, operation: str, parameters: dict[str, Any], code: str, text: str
) -> None:
    filled = {
        name: steps.cluster if value == "CLUSTER" else value for name, value in parameters.items()
    }
    assert refusal(getattr(steps.client, operation), **filled) == (code, text)


def test_with_step_concurrency_only_continue_is_accepted(steps: Steps) -> None:
    step = bash("true", ActionOnFailure="TERMINATE_CLUSTER")
    assert (
        "ActionOnFailure"
        in refusal(steps.client.add_job_flow_steps, JobFlowId=steps.cluster, Steps=[step])[1]
    )


def test_a_terminated_cluster_takes_no_steps_and_cancels_those_it_has(steps: Steps) -> None:
    (step,) = steps.add(bash("sleep 600"))
    steps.client.terminate_job_flows(JobFlowIds=[steps.cluster])
    assert (
        "shutting down, terminated, or finished"
        in refusal(steps.client.add_job_flow_steps, JobFlowId=steps.cluster, Steps=[simulated()])[1]
    )
    assert steps.wait(step)["Status"]["State"] == "CANCELLED"
    steps.client.get_waiter("cluster_terminated").wait(
        ClusterId=steps.cluster, WaiterConfig={"Delay": 1}
    )


def test_a_step_sees_the_local_aws_and_none_of_the_server_s_own_settings(
    steps: Steps, tmp_path: Path
) -> None:
    (step,) = steps.add(bash(f"env > {tmp_path}/env"))
    steps.wait(step)
    seen = dict(line.partition("=")[::2] for line in (tmp_path / "env").read_text().splitlines())
    assert seen["AWS_ENDPOINT_URL"] == steps.emr.url
    assert (seen["EMR_STEP_ID"], seen["EMR_CLUSTER_ID"]) == (step, steps.cluster)
    assert not [name for name in seen if name.startswith(("TAGFLEET_", "PYTHON", "SPARK"))]


def test_the_aws_program_of_a_step_claims_a_key_once(steps: Steps, tmp_path: Path) -> None:
    claim = (
        f"aws s3api put-object --bucket {BUCKET} --key claim-{tmp_path.name} --if-none-match '*'"
    )
    (step,) = steps.add(
        bash(f"{claim} && {claim} 2> {tmp_path}/refused; echo $? > {tmp_path}/code")
    )
    steps.wait(step)
    assert (tmp_path / "code").read_text().strip() == "254"
    assert "PreconditionFailed" in (tmp_path / "refused").read_text()


def test_the_aws_program_of_a_step_copies_files_and_folders(steps: Steps, tmp_path: Path) -> None:
    where = f"s3://{BUCKET}/{tmp_path.name}"
    script = f"mkdir -p in/deep && echo 1 > in/a && echo 2 > in/deep/b && aws s3 cp --recursive in {where} && aws s3 cp {where}/a - && aws s3 cp --recursive {where} {tmp_path}/out && aws s3 ls {where}/"
    (step,) = steps.add(bash(script))
    assert steps.wait(step)["Status"]["State"] == "COMPLETED"
    assert (tmp_path / "out" / "deep" / "b").read_text() == "2\n"


def test_a_spark_job_for_a_cluster_reads_and_writes_s3(steps: Steps, tmp_path: Path) -> None:
    # Given a PySpark application and its data in S3
    s3, prefix = steps.emr.clients.s3(), tmp_path.name
    application = b"""
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.read.csv(sys.argv[1]).count()
spark.createDataFrame([(rows,)], ["n"]).write.json(sys.argv[2])
"""
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}/count.py", Body=application)
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}/in.csv", Body=b"1\n2\n3\n")
    where = f"s3://{BUCKET}/{prefix}"
    line = [
        "spark-submit",
        "--master",
        "yarn",
        "--deploy-mode",
        "cluster",
        "--num-executors",
        "50",
        "--conf",
        "spark.executor.memory=30g",
    ]
    jar = {
        "Jar": "command-runner.jar",
        "Args": [*line, f"{where}/count.py", f"{where}/in.csv", f"s3a://{BUCKET}/{prefix}/out"],
    }
    # When
    (step,) = steps.add({"Name": "spark", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar})
    steps.client.get_waiter("step_complete").wait(
        ClusterId=steps.cluster, StepId=step, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    # Then
    parts = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/out/part-")["Contents"]
    written = b"".join(
        s3.get_object(Bucket=BUCKET, Key=part["Key"])["Body"].read() for part in parts
    )
    assert written == b'{"n":3}\n'
