"""The thin client as a user has it: the wheel without extras, beside a real Airflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pika
import pytest

from tagfleet.models.queues import topology
from tagfleet.workers.broker.topology import declare

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv-airflow" / "bin"


@pytest.fixture
def airflow(tmp_path: Path) -> dict[str, str]:
    """The environment of an Airflow whose only DAG is the example."""
    assert (BIN / "airflow").exists(), "scripts/test installs the Airflow that this test needs"
    (tmp_path / "dags").mkdir()
    shutil.copy(ROOT / "examples" / "dags" / "publish.py", tmp_path / "dags")
    return {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
    }


def run(environment: dict[str, str], folder: Path, *command: str) -> str:
    """Run a program away from the checkout; its standard output."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def test_the_example_dag_publishes_a_job_from_a_plain_task(
    airflow: dict[str, str], amqp_url: str, tmp_path: Path
) -> None:
    # Given a broker as the fleet declares it
    declare(amqp_url, topology(["default"]))
    # When Airflow runs the DAG
    run(airflow, tmp_path, "airflow", "db", "migrate")
    run({**airflow, "TAGFLEET_AMQP_URL": amqp_url}, tmp_path, "airflow", "dags", "test", "publish")
    # Then its request is in the intake
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    _, properties, body = connection.channel().basic_get("tagfleet.intake", auto_ack=True)
    connection.close()
    request = json.loads(body)
    assert request["id"] == properties.message_id
    assert (request["name"], request["tags"]) == ("daily-report", ["dag:publish"])


def test_the_client_brings_no_database_no_aws_and_no_workers(
    airflow: dict[str, str], tmp_path: Path
) -> None:
    installed = {
        row["name"].lower()
        for row in json.loads(run(airflow, tmp_path, "pip", "list", "--format", "json"))
    }
    assert {"tagfleet", "pika", "marshmallow"} <= installed
    assert not installed & {"boto3", "dramatiq", "mongoengine", "pymongo"}


def test_the_command_line_works_from_the_wheel_alone(
    airflow: dict[str, str], tmp_path: Path
) -> None:
    # Given a catalog and a request in an empty folder
    common = {"user": "ops", "version": "1"}
    catalog = {
        "commands": [{"id": "c", "name": "c", **common, "tags": ["go"], "executable": "run", "clusterCriteria": [{"tags": ["y"]}]}],
        "clusters": [{"id": "k", "name": "k", **common, "tags": ["y"]}],
    }  # fmt: skip
    request = {
        "name": "j",
        **common,
        "commandCriteria": ["go"],
        "clusterCriterias": [{"tags": ["y"]}],
    }
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    (tmp_path / "request.json").write_text(json.dumps(request))
    # When
    found = json.loads(
        run(
            airflow, tmp_path, "tagfleet", "resolve", "--catalog", "catalog.json", "--request", "request.json",
            "--output", "json",
        )
    )  # fmt: skip
    # Then
    assert (found["outcome"], found["command"], found["cluster"]) == ("resolved", "c", "k")


def test_a_command_that_needs_an_extra_says_which(airflow: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [str(BIN / "tagfleet"), "up"],
        env=airflow,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'tagfleet[local]'" in done.stderr
