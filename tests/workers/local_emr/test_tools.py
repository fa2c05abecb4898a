"""The programs that a step finds: `aws`, and what `spark-submit` makes of a line for a cluster."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tagfleet.workers.local_emr.server import LocalEmr
from tagfleet.workers.local_emr.tools.spark_submit import is_for_yarn, local_arguments

from ...emr_fixtures import BUCKET, Emr
from .server import bash, wait_for_step


@dataclass
class Aws:
    """The `aws` of steps, run as one of them would."""

    program: Path
    folder: Path
    s3: Any

    def __call__(self, *words: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run it to its end, in the folder."""
        return subprocess.run(
            [self.program, *words], input=content, capture_output=True, check=False, cwd=self.folder,
            env=os.environ | {"TMPDIR": str(self.folder)}, timeout=60,
        )  # fmt: skip

    @property
    def prefix(self) -> str:
        """Where this test keeps its keys."""
        return self.folder.name

    @property
    def where(self) -> str:
        """The same, as an address."""
        return f"s3://{BUCKET}/{self.prefix}"

    def put(self, name: str, content: bytes = b"") -> None:
        """Store an object below the prefix."""
        self.s3.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}", Body=content)

    def content(self, name: str, bucket: str = BUCKET) -> bytes:
        """What is stored below the prefix."""
        found = self.s3.get_object(Bucket=bucket, Key=name)["Body"]
        with found:
            return bytes(found.read())


@pytest.fixture
def aws(emr: Emr, local_emr: LocalEmr, tmp_path: Path) -> Aws:
    return Aws(local_emr._home / "tools" / "aws", tmp_path, emr.clients.s3())


def test_a_step_copies_a_file_up_and_down(emr: Emr, tmp_path: Path) -> None:
    where = f"s3://{BUCKET}/{tmp_path.name}/a file"
    script = f"echo hello > f && aws s3 cp f '{where}' && aws s3 cp '{where}' {tmp_path}/down"
    client, cluster = emr.clients.emr(), emr.cluster()
    (step,) = client.add_job_flow_steps(JobFlowId=cluster, Steps=[bash(script)])["StepIds"]  # type: ignore[list-item]
    wait_for_step(client, cluster, step, "COMPLETED")
    assert (tmp_path / "down").read_text() == "hello\n"


def test_a_key_that_is_there_is_not_claimed_twice(aws: Aws) -> None:
    line = ["s3api", "put-object", "--bucket", BUCKET, "--key", f"{aws.prefix}/claim"]
    first, second = (aws(*line, "--if-none-match", "*") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 254)
    assert b"PreconditionFailed" in second.stderr


def test_put_object_answers_with_json(aws: Aws) -> None:
    done = aws("s3api", "put-object", "--bucket", BUCKET, "--key", f"{aws.prefix}/k")
    assert json.loads(done.stdout) == {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}


def test_put_object_stores_the_content_of_a_file(aws: Aws) -> None:
    (aws.folder / "body").write_bytes(b"content")
    key = f"{aws.prefix}/k"
    done = aws("s3api", "put-object", "--bucket", BUCKET, "--key", key, "--body", "body")
    assert done.returncode == 0
    assert aws.content(key) == b"content"


def test_what_comes_in_by_a_pipe_is_stored_and_what_is_stored_goes_out_by_one(aws: Aws) -> None:
    assert aws("s3", "cp", "-", f"{aws.where}/k", content=b"from a pipe").returncode == 0
    assert aws("s3", "cp", f"{aws.where}/k", "-").stdout == b"from a pipe"


def test_a_file_keeps_its_name_in_a_folder(aws: Aws) -> None:
    (aws.folder / "f").write_bytes(b"content")
    assert aws("s3", "cp", "f", f"{aws.where}/into/").returncode == 0
    assert aws.content(f"{aws.prefix}/into/f") == b"content"


def test_a_file_keeps_its_name_in_a_bucket(aws: Aws) -> None:
    name = f"{aws.prefix}.txt"
    (aws.folder / name).write_bytes(b"content")
    done = aws("s3", "cp", name, f"s3://{BUCKET}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert aws.content(name) == b"content"


def test_a_folder_of_s3_is_copied_within_s3(aws: Aws) -> None:
    aws.put("in/a", b"1")
    aws.put("in/deep/b", b"2")
    done = aws("s3", "cp", "--recursive", f"{aws.where}/in", f"{aws.where}/out")
    assert done.returncode == 0
    assert aws.content(f"{aws.prefix}/out/deep/b") == b"2"


def test_a_folder_is_brought_down_by_sync(aws: Aws) -> None:
    aws.put("in/a", b"1")
    aws.put("in/deep/b", b"2")
    assert aws("s3", "sync", f"{aws.where}/in", "here").returncode == 0
    assert (aws.folder / "here" / "deep" / "b").read_bytes() == b"2"


def test_ls_names_the_files_and_the_folders_of_a_folder(aws: Aws) -> None:
    aws.put("a", b"123")
    aws.put("deep/b")
    lines = aws("s3", "ls", f"{aws.where}/").stdout.decode().splitlines()
    assert [line.split()[-2:] for line in lines] == [["PRE", "deep/"], ["3", "a"]]


def test_ls_names_whatever_begins_like_its_address(aws: Aws) -> None:
    aws.put("part-1")
    aws.put("part-2")
    aws.put("other")
    lines = aws("s3", "ls", f"{aws.where}/part-").stdout.decode().splitlines()
    assert [line.split()[-1] for line in lines] == ["part-1", "part-2"]


def test_ls_of_all_that_is_below_names_whole_keys(aws: Aws) -> None:
    aws.put("a")
    aws.put("deep/b")
    lines = aws("s3", "ls", "--recursive", f"{aws.where}/").stdout.decode().splitlines()
    assert [line.split()[-1] for line in lines] == [f"{aws.prefix}/a", f"{aws.prefix}/deep/b"]


def test_ls_of_what_is_not_there_fails(aws: Aws) -> None:
    aws.put("a")
    assert aws("s3", "ls", f"{aws.where}/a").returncode == 0
    assert aws("s3", "ls", f"{aws.where}/_SUCCESS").returncode == 1


@pytest.mark.parametrize(
    ("source", "target"),
    [("f", "s3://no-such-bucket/k"), ("none", f"s3://{BUCKET}/k"), (f"s3://{BUCKET}/none/at/all", "here")],
)  # fmt: skip
def test_a_copy_that_fails_says_so_in_a_line(aws: Aws, source: str, target: str) -> None:
    (aws.folder / "f").write_bytes(b"content")
    done = aws("s3", "cp", source, target)
    assert done.returncode == 1
    assert done.stderr.strip()
    assert b"Traceback" not in done.stderr


def test_a_command_that_it_does_not_know_is_refused_with_what_it_knows(aws: Aws) -> None:
    done = aws("s3", "mv", "a", "b")
    assert done.returncode == 252
    assert b"knows only" in done.stderr


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("--master yarn --deploy-mode cluster app.py", "app.py"),
        ("--master=yarn --deploy-mode=cluster app.py", "app.py"),
        ("--num-executors 5 --executor-memory 30g --executor-cores 4 app.py", "app.py"),
        ("--driver-memory 8g --driver-cores 2 --queue q app.py", "app.py"),
        ("--principal p --keytab k --total-executor-cores 8 app.py", "app.py"),
        ("--name job --py-files s3://b/a.zip app.py", "--name job --py-files s3://b/a.zip app.py"),
        ("--class Main --jars a.jar,b.jar app.jar", "--class Main --jars a.jar,b.jar app.jar"),
        ("--verbose --master yarn app.py", "--verbose app.py"),
        ("--supervise app.py --verbose", "--supervise app.py --verbose"),
        ("--conf spark.executor.instances=50 app.py", "app.py"),
        ("--conf=spark.executor.memory=30g app.py", "app.py"),
        ("-c spark.yarn.queue=q app.py", "app.py"),
        ("--conf spark.dynamicAllocation.enabled=true app.py", "app.py"),
        ("--conf spark.driver.memoryOverhead=2g app.py", "app.py"),
        ("--conf spark.submit.deployMode=cluster app.py", "app.py"),
        ("--conf spark.sql.shuffle.partitions=8 app.py", "--conf spark.sql.shuffle.partitions=8 app.py"),
        ("--conf spark.mastery=1 app.py", "--conf spark.mastery=1 app.py"),
        ("--conf=spark.app.name=x app.py", "--conf=spark.app.name=x app.py"),
        ("app.py --master yarn --conf spark.executor.cores=4", "app.py --master yarn --conf spark.executor.cores=4"),
        ("--master", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_of_a_line_for_a_cluster_the_cluster_is_left_out(given: str, kept: str) -> None:
    assert local_arguments(given.split()) == kept.split()


@pytest.mark.parametrize(
    ("given", "is_for_it"),
    [
        ("--deploy-mode cluster app.py", True),
        ("--master yarn --deploy-mode=cluster app.py", True),
        ("--conf spark.submit.deployMode=cluster app.py", True),
        ("-c spark.submit.deployMode=cluster --deploy-mode client app.py", False),
        ("--deploy-mode client --deploy-mode cluster app.py", True),
        ("--deploy-mode client app.py", False),
        ("--master yarn app.py", False),
        ("--verbose app.py --deploy-mode cluster", False),
        ("--deploy-mode", False),
        ("", False),
    ],
)
def test_a_line_tells_whether_its_driver_runs_on_yarn(given: str, is_for_it: bool) -> None:
    assert is_for_yarn(given.split()) is is_for_it
