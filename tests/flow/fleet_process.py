"""A fleet as a user starts it: `tagfleet up` as a process, and the command line beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3

from tagfleet.models import endpoints

#: Longer than anything may take on a busy machine; a test that waits this long has failed.
PATIENCE_SECONDS = 120.0


class FleetProcess:
    """`tagfleet up` on a data folder of its own."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "TAGFLEET_DATA": str(data),
            "TAGFLEET_METRICS_BIND": "127.0.0.1:0",
            # Most tests do without; one that wants it says `TAGFLEET_HTTP_BIND="127.0.0.1:0"`.
            "TAGFLEET_HTTP_BIND": "",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> FleetProcess:
        """Start it and wait until it is ready."""
        self.data.mkdir(parents=True, exist_ok=True)
        endpoints.remove(self.data)
        with (self.data / "up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tagfleet", "up"],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + PATIENCE_SECONDS
        while not endpoints.read(self.data):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """kill -9: nothing of it can tidy up."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def log(self) -> str:
        """What it has written so far."""
        return (self.data / "up.log").read_text(errors="replace")

    @property
    def addresses(self) -> dict[str, str]:
        """What it serves, and where."""
        return endpoints.read(self.data)

    def client(self, service: str) -> Any:
        """An unmodified boto3 client for the local EMR or S3."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.addresses["emr"],
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )

    def cluster(self, name: str = "main", concurrency: int = 2) -> str:
        """Make a cluster on the local EMR; returns its id."""
        with ClosingClient(self.client("emr")) as emr:
            answer = emr.run_job_flow(
                Name=name,
                LogUri="s3://tagfleet/emr-logs",
                StepConcurrencyLevel=concurrency,
                Instances={"KeepJobFlowAliveWhenNoSteps": True},
            )
        return str(answer["JobFlowId"])

    def steps(self, cluster_id: str) -> list[dict[str, Any]]:
        """All the cluster's steps, as EMR tells them."""
        with ClosingClient(self.client("emr")) as emr:
            pages = emr.get_paginator("list_steps").paginate(ClusterId=cluster_id)
            return [step for page in pages for step in page["Steps"]]

    def run(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line; its exit code must be the expected one."""
        done = subprocess.run(
            [sys.executable, "-m", "tagfleet", *arguments],
            env=self.environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert expect is None or done.returncode == expect, (
            f"{done.stdout}\n{done.stderr}\n{self.log()[-4000:]}"
        )
        return done

    def read(self, *arguments: str) -> Any:
        """Run a reading command; its JSON."""
        return json.loads(self.run(*arguments, "--output", "json").stdout)

    def write(self, name: str, content: Any) -> str:
        """Write a JSON file beside the data; returns its path."""
        path = self.data / name
        path.write_text(json.dumps(content))
        return str(path)


class ClosingClient:
    """A boto3 client for the length of a block."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __enter__(self) -> Any:
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.close()


def catalog(cluster_id: str, **engine: Any) -> dict[str, Any]:
    """A cluster that runs bash."""
    common = {"user": "ops", "version": "1"}
    return {
        "commands": [
            {
                "id": "bash",
                "name": "bash",
                **common,
                "tags": ["type:bash"],
                "executableAndArguments": ["bash", "-c"],
                "clusterCriteria": [{"tags": ["type:yarn"]}],
            }
        ],
        "clusters": [
            {
                "id": "main",
                "name": "main",
                **common,
                "tags": ["type:yarn"],
                "engine": {
                    "type": "emr",
                    "clusterId": cluster_id,
                    "region": "us-east-1",
                    "stepConcurrency": 2,
                    "logUri": "s3://tagfleet/emr-logs",
                    **engine,
                },
            }
        ],
    }


def bash_job(script: str, **changes: Any) -> dict[str, Any]:
    """A request that runs a line of bash."""
    return {
        "name": "line",
        "user": "ana",
        "version": "1",
        "commandCriteria": ["type:bash"],
        "clusterCriterias": [{"tags": ["type:yarn"]}],
        "commandArgs": [script],
        **changes,
    }
