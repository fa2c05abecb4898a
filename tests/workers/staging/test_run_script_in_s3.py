"""The generated script with an S3, and with the `aws` program that the local EMR gives its steps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tagfleet.models.aws import AwsClients
from tagfleet.models.storage import Storage, open_storage
from tagfleet.workers.local_emr.tools.install import install
from tagfleet.workers.staging import RunScript, Staging

from . import samples
from .runs import BIRTH, Bench, Ended


class S3Bench:
    """A job in a staging area in S3."""

    def __init__(self, bench: Bench, staging: Staging, storage: Storage) -> None:
        self.bench, self.staging, self.storage = bench, staging, storage

    def script(self) -> RunScript:
        """The script of a job that shows its file."""
        return self.bench.script(
            "cat",
            "a b.txt",
            job_uri=self.staging.job_uri("j1"),
            claim_uri=self.staging.claim_uri("j1", 1),
        )

    def run(self, *aws_lines: str) -> Ended:
        """Run a step; with these lines as its `aws` program, if there are any."""
        real, tools = self.bench.root / "real", self.bench.root / "tools"
        install(real)
        if not aws_lines:
            return self.bench.run(self.script(), PATH=f"{real}{os.pathsep}{os.environ['PATH']}")
        tools.mkdir(exist_ok=True)
        program = tools / "aws"
        program.write_text("\n".join(["#!/bin/bash", *aws_lines]))
        program.chmod(0o755)
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        return self.bench.run(
            self.script(), PATH=path, TMPDIR=str(tools), REAL_AWS=str(real / "aws")
        )


@pytest.fixture
def s3(tmp_path: Path, clients: AwsClients, bucket: str, s3_staging: Staging) -> S3Bench:
    """A job whose one file is staged in S3."""
    storage = open_storage(f"s3://{bucket}", clients)
    storage.put_bytes("a b.txt", b"content")
    s3_staging.stage("j1", samples.plan(attachments=(storage.uri("a b.txt"),)))
    # Another job's, whose address begins alike
    storage.put_bytes("staging/jobs/j10/other.txt", b"other")
    bench = S3Bench(Bench(tmp_path), s3_staging, storage)
    s3_staging.put_run_script(bench.script())
    return bench


def test_a_job_fetches_its_files_and_runs(s3: S3Bench) -> None:
    ended = s3.run()
    assert (ended.code, ended.out, ended.err) == (0, "content", "")
    assert {path.name for path in ended.job_folder.iterdir()} == {
        "a b.txt", "genie", "run", "stderr", "stdout"
    }  # fmt: skip
    assert s3.storage.exists("staging/claims/j1.1")


def test_a_doubled_step_runs_nothing(s3: S3Bench) -> None:
    assert s3.run().out == "content"
    second = s3.run()
    assert (second.code, second.out) == (0, "")
    assert f"claimed already, by {BIRTH} step1 " in second.err


def test_a_claim_whose_answer_was_lost_is_still_the_steps_own(s3: S3Bench) -> None:
    # Given an aws program that writes the claim, loses the answer, and tries again by itself
    lines = ['[ "$1" != s3api ] || "$REAL_AWS" "$@" > /dev/null', 'exec "$REAL_AWS" "$@"']
    assert s3.run(*lines).out == "content"


def test_an_old_aws_program_claims_on_its_machine(s3: S3Bench) -> None:
    # Given one from before S3 had conditional writes; the machine runs both of a doubled step
    source = s3.bench.put("a b.txt", "content")
    lines = [
        'if [ "$1" = s3api ]; then echo "Unknown options: --if-none-match, *" >&2; exit 252; fi',
        f'cp "{s3.bench.job_folder}/{source}" "${{@: -1}}"',
    ]
    first, second = s3.run(*lines), s3.run(*lines)
    assert (first.code, first.out) == (0, "content")
    assert (second.code, second.out) == (0, "")
    assert "claimed already" in second.err


@pytest.mark.parametrize(
    "answer",
    ["An error occurred (AccessDenied) when calling the PutObject operation: Access Denied", ""],
)
def test_a_claim_that_fails_runs_nothing(s3: S3Bench, answer: str) -> None:
    ended = s3.run(f'echo "{answer}" >&2; exit 254')
    assert (ended.code, ended.out) == (1, "")
    assert answer in ended.err


def test_a_claim_that_cannot_be_read_back_is_an_error(s3: S3Bench) -> None:
    # Given a claim that exists, and may be this step's own: ending with 0 would be a lie
    lines = ['[ "$1" != s3api ] || echo "(PreconditionFailed)" >&2', "exit 254"]
    assert s3.run(*lines).code == 1
