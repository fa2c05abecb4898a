"""One server for all attacks, with a job that somebody else owns; it must be unharmed after each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.producers.http.test_server import ApiProcess

#: Something that no answer and no log may hold.
TREASURE = "T7easure-0f-Somebody"


@dataclass(frozen=True)
class Door:
    """The server."""

    process: ApiProcess
    #: Where its stores are, and beside them a file called `secret` that holds the treasure.
    folder: Path

    @property
    def url(self) -> str:
        """Where it serves."""
        return self.process.url

    def jobs(self, query: str = "") -> list[str]:
        """The ids of the jobs that a search finds."""
        answer = requests.get(f"{self.url}/api/v3/jobs?{query}", timeout=60)
        answer.raise_for_status()
        found = answer.json().get("_embedded", {}).get("jobSearchResultList", [])
        return sorted(each["id"] for each in found)

    def submit(self, **changes: Any) -> requests.Response:
        """Submit a job."""
        return requests.post(f"{self.url}/api/v3/jobs", json={**REQUEST, **changes}, timeout=60)


REQUEST: dict[str, Any] = {
    "name": "line",
    "user": "ana",
    "version": "1",
    "commandCriteria": ["type:bash"],
    "clusterCriterias": [{"tags": ["type:yarn"]}],
    "commandArgs": ["true"],
}


@pytest.fixture(scope="session")
def server(mongodb_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The server, a catalog for REQUEST, and the job `victim` of `bob`."""
    base, _, query = mongodb_server.partition("?")
    name = f"test_{uuid.uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "secret").write_text(TREASURE)
    process = ApiProcess(
        folder, f"{base.rsplit('/', 1)[0]}/{name}?{query}", TAGFLEET_MAX_BODY_BYTES="100000"
    )
    started = Door(process, folder)
    try:
        _register(started)
        yield started
    finally:
        assert process.stop() == 0


@pytest.fixture
def door(server: Door) -> Iterator[Door]:
    """The server, which must be there still when the test is over, and have made no mistake."""
    log = server.process.log
    before = log.stat().st_size
    yield server
    assert requests.get(f"{server.url}/readyz", timeout=60).status_code == 200
    with log.open("rb") as file:
        file.seek(before)
        written = file.read().decode()
    assert "request-failed" not in written, written
    assert server.jobs("user=bob") == ["victim"]


def _register(door: Door) -> None:
    common = {"name": "x", "user": "ops", "version": "1", "status": "UP"}
    cluster = {
        "id": "main",
        **common,
        "tags": ["type:yarn"],
        "engine": {"type": "emr", "clusterId": "j-1", "region": "us-east-1"},
    }
    command = {
        "id": "bash",
        **common,
        "status": "ACTIVE",
        "tags": ["type:bash"],
        "executable": "bash -c",
        "clusterCriteria": [{"tags": ["type:yarn"]}],
    }
    for kind, entry in (("clusters", cluster), ("commands", command)):
        answer = requests.post(f"{door.url}/api/v3/{kind}", json=entry, timeout=60)
        assert answer.status_code == 201, answer.text
    answer = door.submit(id="victim", user="bob", description=TREASURE)
    assert answer.status_code == 202, answer.text
