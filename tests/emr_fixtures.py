"""A local EMR for the whole run, and boto3 pointed at it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tagfleet.models.aws import AwsClients
from tagfleet.models.local_addresses import use_local_emr
from tagfleet.workers.local_emr.server import LocalEmr

BUCKET = "test-bucket"


class Emr:
    """The local EMR, as a test sees it."""

    def __init__(self, url: str, clients: AwsClients) -> None:
        self.url, self.clients = url, clients

    def cluster(self, concurrency: int = 2) -> str:
        """A new cluster; its id."""
        answer = self.clients.emr().run_job_flow(
            Name="test",
            LogUri=f"s3://{BUCKET}/logs",
            StepConcurrencyLevel=concurrency,
            Instances={"KeepJobFlowAliveWhenNoSteps": True},
        )
        return answer["JobFlowId"]

    def steps(self, cluster_id: str) -> list[Any]:
        """The cluster's steps, oldest first."""
        pages = self.clients.emr().get_paginator("list_steps").paginate(ClusterId=cluster_id)
        return [step for page in pages for step in page["Steps"]][::-1]

    def wait(self, cluster_id: str, step_id: str, state: str) -> None:
        """Wait until the step is in the state."""
        for _ in range(600):
            found = self.clients.emr().describe_step(ClusterId=cluster_id, StepId=step_id)
            if found["Step"]["Status"]["State"] == state:
                return
            self.ask("GET", "health")
        raise AssertionError(f"step {step_id} is {found['Step']['Status']['State']}, not {state}")

    def ask(self, method: str, route: str, body: Any = None) -> Any:
        """Call one of the routes below `/_local/`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_local/{route}", data=data, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text.strip().startswith((b"{", b"[")) else None

    def calls(self) -> dict[str, int]:
        """How often each operation was called since they were last counted."""
        found = self.ask("GET", "calls")
        self.ask("DELETE", "calls")
        return {name: count for name, count in found.items() if not name.startswith("s3:")}

    def fault(self, operation: str, mode: str, count: int = 1) -> None:
        """Let the next calls of an operation go wrong."""
        self.ask("POST", "faults", {operation: {"mode": mode, "count": count}})


@pytest.fixture(scope="session")
def local_emr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEmr]:
    with LocalEmr(tmp_path_factory.mktemp("emr")) as server:
        yield server


@pytest.fixture
def emr(local_emr: LocalEmr) -> Iterator[Emr]:
    """boto3 speaks to the local EMR; a bucket is there."""
    with use_local_emr(local_emr.url):
        clients = AwsClients()
        clients.s3().create_bucket(Bucket=BUCKET)
        found = Emr(local_emr.url, clients)
        found.calls()
        yield found
        clients.close()
