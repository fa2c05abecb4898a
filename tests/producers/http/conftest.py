"""A fleet with its front door open, Genie's own client in front of it, and the bare application."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from pygenie.client import Genie
from pygenie.conf import GenieConf
from pymongo.database import Database

from tagfleet.models.settings import Settings
from tagfleet.producers.http.app import create_app

from ...flow.fleet_process import FleetProcess

#: What each of the tools of the tests does: tells its arguments, and shows the files that they name.
TOOL = """\
echo "arguments: $*"
for word in "$@"; do
    if [ -f "$word" ]; then echo "== $word"; cat "$word"; echo; fi
done
echo "$(basename "$0") is done" >&2
"""

TOOLS = ("bash", "genie", "hadoop", "hive", "pig", "presto", "sqoop")


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetProcess]:
    """A whole fleet on this machine that serves HTTP."""
    folder = tmp_path_factory.mktemp("door")
    started = FleetProcess(folder, TAGFLEET_HTTP_BIND="127.0.0.1:0").start()
    try:
        _register(started, folder)
        yield started
    finally:
        started.stop()


@pytest.fixture
def url(fleet: FleetProcess) -> str:
    """Where the fleet serves HTTP."""
    return fleet.addresses["http"]


@pytest.fixture
def http(url: str) -> Iterator[requests.Session]:
    """A client that keeps its connection, and closes it."""
    with requests.Session() as session:
        yield session


@pytest.fixture
def conf(url: str) -> GenieConf:
    """Genie's client, pointed at the fleet; all that its users must change."""
    found = GenieConf()
    found.genie.url = url
    found.genie.username = "ana"
    return found


@pytest.fixture
def genie(conf: GenieConf) -> Genie:
    """Genie's own client."""
    return Genie(conf)


@pytest.fixture
def make_app(mongodb: Database[dict[str, Any]], tmp_path: Path) -> Callable[..., Flask]:
    """Makes the bare application, on a database of its own and a folder; settings as in the environment."""

    def make(**environment: str) -> Flask:
        given = {"TAGFLEET_STAGING_URL": str(tmp_path / "staging"), **environment}
        return create_app(Settings.from_environ(given))

    return make


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> FlaskClient:
    """A client of the bare application: nobody works at what is submitted."""
    return make_app().test_client()


def _register(fleet: FleetProcess, folder: Path) -> None:
    """A cluster, and a command for each kind of job."""
    common = {"user": "ops", "version": "1"}
    cluster = {
        "id": "main",
        "name": "main",
        **common,
        "tags": [f"type:{tool}" for tool in TOOLS],
        "engine": {
            "type": "emr",
            "clusterId": fleet.cluster(concurrency=8),
            "region": "us-east-1",
            "stepConcurrency": 8,
            "logUri": "s3://tagfleet/emr-logs",
        },
    }
    commands = []
    for tool in TOOLS:
        script = folder / f"{tool}.sh"
        script.write_text(TOOL)
        executable = ["bash", "-c"] if tool == "bash" else ["bash", str(script)]
        commands.append(
            {
                "id": tool,
                "name": tool,
                **common,
                "tags": [f"type:{tool}"],
                "executableAndArguments": executable,
                "clusterCriteria": [{"tags": [f"type:{tool}"]}],
            }
        )
    path = fleet.write("catalog.json", {"commands": commands, "clusters": [cluster]})
    fleet.run("catalog", "apply", "-f", path)
