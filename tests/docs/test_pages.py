"""What the pages tell a reader to do is done here, as it stands there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from tagfleet.models.queues import topology
from tagfleet.routing_rules.catalog_files import read_catalog
from tagfleet.workers.broker.topology import declare

from ..flow.fleet_process import FleetProcess
from .blocks import ROOT, blocks_of, labelled

PAGE = "docs/quickstart.md"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[FleetProcess]:
    """Somebody who has started a fleet in an empty folder."""
    fleet = FleetProcess(tmp_path / ".tagfleet").start()
    yield fleet
    fleet.stop()


def test_the_quickstart_leads_to_a_job_that_ran(reader: FleetProcess) -> None:
    # Given the reader's folder, and the programs of this installation on the path
    folder = reader.data.parent
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**reader.environment, "PATH": path}
    del environment["TAGFLEET_DATA"]

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{reader.log()[-2000:]}"
        return done.stdout

    # When each step is done as it stands on the page
    cluster = run(sys.executable, "-W", "ignore", "-c", labelled(PAGE, "run: cluster").code).strip()
    for name in ("catalog.yaml", "job.yaml"):
        text = labelled(PAGE, f"file: {name}").code
        (folder / name).write_text(text.replace("j-MINE", cluster))
    printed = [run("bash", "-c", command) for command in labelled(PAGE, "run: shell").commands]
    # Then the job has run
    assert "SUCCEEDED" in printed[-1]


def test_the_readme_s_python_publishes_a_job(
    amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a broker as the fleet declares it
    declare(amqp_url, topology(["default"]))
    code = next(block.code for block in blocks_of("README.md") if block.language == "python")
    code = code.replace("amqp://user:password@rabbitmq:5672/", amqp_url)
    # When
    values: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), values)
    # Then the message is there
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    _, properties, _ = connection.channel().basic_get("tagfleet.intake", auto_ack=True)
    assert properties.message_id == values["job_id"]
    connection.close()


def test_the_readme_s_catalog_can_be_applied(tmp_path: Path) -> None:
    file = tmp_path / "clusters.yaml"
    file.write_text(
        next(block.code for block in blocks_of("README.md") if block.language == "yaml")
    )
    assert [cluster.id for cluster in read_catalog([file]).clusters] == ["sla-old", "sla-new"]


def test_every_script_that_a_page_names_is_there() -> None:
    pages = ["README.md", "CONTRIBUTING.md", PAGE]
    named = {
        command.split()[0]
        for page in pages
        for block in blocks_of(page)
        for command in block.commands
        if command.startswith("scripts/")
    }
    assert named == {"scripts/demo", "scripts/test"}
    assert all(os.access(ROOT / script, os.X_OK) for script in named)


def test_every_page_that_the_readme_links_is_there() -> None:
    text = (ROOT / "README.md").read_text()
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
