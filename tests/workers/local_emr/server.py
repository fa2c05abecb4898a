"""A local EMR as a process of its own, which a test may kill."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config


class Server:
    """`tagfleet local-emr` on a home folder."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home, self._options = home, options
        self.url = ""
        self._process: subprocess.Popen[str] | None = None
        self._clients: list[Any] = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        for client in self._clients:
            client.close()

    def start(self) -> Self:
        """Start it and wait until it serves."""
        command = [
            sys.executable,
            "-m",
            "tagfleet",
            "local-emr",
            "--home",
            str(self.home),
            "--port",
            "0",
        ]
        self._process = subprocess.Popen(
            [*command, *self._options], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        self.url = next(word.strip(".") for word in line.split() if word.startswith("http"))
        return self

    def kill(self) -> None:
        """kill -9."""
        if self._process and self._process.stdout:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def client(self, service: str = "emr", **config: Any) -> Any:
        """An unmodified boto3 client."""
        made = client_of(self.url, service, **config)
        self._clients.append(made)
        return made

    def ledger(self) -> list[dict[str, Any]]:
        """Every step there ever was."""
        with urllib.request.urlopen(f"{self.url}/_local/ledger") as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found


def client_of(url: str, service: str = "emr", **config: Any) -> Any:
    """An unmodified boto3 client of the server there."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x",
        config=Config(**config),
    )  # fmt: skip


def is_alive(process_id: str) -> bool:
    """Whether a process runs; one that is dead stays in /proc until somebody collects it."""
    try:
        status = Path(f"/proc/{process_id.strip()}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "State:\tZ" not in status


def wait_for_the_end(process_id: str) -> None:
    """Wait until a process that was sent a signal is dead."""
    deadline = time.monotonic() + 10
    while is_alive(process_id):
        assert time.monotonic() < deadline, "the step's process is still there"
        time.sleep(0.01)


def bash(script: str, name: str = "step", **parts: Any) -> dict[str, Any]:
    """A step that runs a line of bash."""
    jar = {"Jar": "command-runner.jar", "Args": ["bash", "-c", script]}
    return {"Name": name, "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar, **parts}


def simulated(seconds: float = 0, code: int = 0) -> dict[str, Any]:
    """A step that is only a timer."""
    jar = {"Jar": "sim", "Args": [f"sleep={seconds}", f"exit={code}"]}
    return {"Name": "simulated", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar}


def wait_for_step(client: Any, cluster: str, step: str, *states: str) -> dict[str, Any]:
    """Wait until the step is in one of the states."""
    for _ in range(3000):
        found: dict[str, Any] = client.describe_step(ClusterId=cluster, StepId=step)["Step"]
        if found["Status"]["State"] in states:
            return found
    raise AssertionError(found["Status"])
