"""The server as its own process: `tagfleet api` on a database, without a fleet behind it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pygenie.client import Genie
from pygenie.conf import GenieConf

PATIENCE_SECONDS = 60


class ApiProcess:
    """`tagfleet api`, started and awaited."""

    def __init__(self, folder: Path, mongodb_url: str, **settings: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.log = folder / "api.log"
        self.environment = {
            **clean,
            "TAGFLEET_DATA": str(folder),
            "TAGFLEET_MONGODB_URL": mongodb_url,
            "TAGFLEET_STAGING_URL": str(folder / "staging"),
            "TAGFLEET_LOG": "json",
            **settings,
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tagfleet", "api", "--bind", "127.0.0.1:0"],
                env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"{line}{self.log.read_text()}"
        self.url = found[0]

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_SECONDS)
        assert self.process.stdout
        self.process.stdout.close()
        return code

    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def server(tmp_path: Path, mongodb: Any, mongodb_url: str) -> Iterator[ApiProcess]:
    started = ApiProcess(tmp_path, mongodb_url)
    yield started
    started.stop()


def test_it_stops_on_sigterm_once_requests_have_ended(server: ApiProcess) -> None:
    # Given a request whose body is on its way
    begun, answers = threading.Event(), []

    def body() -> Iterator[bytes]:
        yield b'{"name": "x", '
        begun.set()
        assert stopping.wait(PATIENCE_SECONDS)
        yield b'"user": "u", "version": "1"}'

    stopping = threading.Event()
    address = f"{server.url}/api/v3/applications"
    headers = {"Content-Type": "application/json"}
    sender = threading.Thread(
        target=lambda: answers.append(requests.post(address, data=body(), headers=headers))
    )
    sender.start()
    assert begun.wait(PATIENCE_SECONDS)
    # When the server is told to stop, and the rest of the request comes
    server.process.send_signal(signal.SIGTERM)
    stopping.set()
    sender.join(PATIENCE_SECONDS)
    # Then the request was answered, and the server has ended well
    assert answers[0].status_code == 201
    assert server.stop() == 0


def test_every_request_leaves_a_line_with_its_job_and_user(server: ApiProcess) -> None:
    requests.get(f"{server.url}/api/v3/jobs/some-job?token=secret")
    server.stop()
    line = next(line for line in server.lines() if line.get("action") == "request")
    assert (line["method"], line["path"]) == ("GET", "/api/v3/jobs/some-job")
    assert (line["status"], line["job_id"], line["user"]) == (404, "some-job", "anonymous")
    assert line["milliseconds"] >= 0
    assert "secret" not in server.log.read_text()


def test_all_entries_of_a_kind_are_deleted_at_once(server: ApiProcess) -> None:
    # Given a catalog that is this test's alone
    conf = GenieConf()
    conf.genie.url = server.url
    genie = Genie(conf)
    common = {"name": "x", "user": "u", "version": "1", "status": "ACTIVE"}
    for number in range(3):
        genie.create_application({**common, "id": f"a{number}"})
        genie.create_command({**common, "id": f"c{number}", "executable": "true"})
        genie.create_cluster({**common, "id": f"k{number}", "status": "UP"})
    # When
    genie.delete_all_applications()
    genie.delete_all_commands()
    genie.delete_all_clusters()
    # Then
    assert [*genie.get_applications(), *genie.get_commands(), *genie.get_clusters()] == []


def test_it_does_not_start_where_there_is_no_database(tmp_path: Path) -> None:
    # Given the address of a database that is not there
    command = [sys.executable, "-m", "tagfleet", "api", "--bind", "127.0.0.1:0"]
    nowhere = "mongodb://127.0.0.1:9/x"
    environment = {**os.environ, "TAGFLEET_DATA": str(tmp_path), "TAGFLEET_MONGODB_URL": nowhere}
    # When
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    # Then it says so
    assert done.returncode == 3
    assert "MongoDB at mongodb://127.0.0.1:9/x cannot be reached" in done.stderr
    # And without any address, which one is missing
    del environment["TAGFLEET_MONGODB_URL"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2
    assert "TAGFLEET_MONGODB_URL" in done.stderr


def test_it_does_not_start_where_its_address_is_taken(tmp_path: Path, mongodb_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "tagfleet", "api", "--bind", address],
            env={**os.environ, "TAGFLEET_DATA": str(tmp_path), "TAGFLEET_MONGODB_URL": mongodb_url},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert f"{address} cannot be reached: it is taken" in done.stderr


@pytest.mark.parametrize("arguments", [["--bind", "nonsense"], ["--threads", "0"]])
def test_wrong_usage_is_told(tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tagfleet", "api", *arguments],
        env={**os.environ, "TAGFLEET_DATA": str(tmp_path)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "expected" in done.stderr
