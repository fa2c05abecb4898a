"""docker-compose.yml holds against its schema, and against what the code reads. Needs no Docker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tagfleet.models.settings import SETTINGS, Settings

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docker-compose.yml"


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
    return found


def substituted(value: str) -> str:
    """What Docker Compose makes of a value when nothing is set outside."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_the_file_holds_against_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_worker_is_given_settings_that_the_code_reads_and_accepts(services: dict[str, Any]) -> None:
    environment = {name: substituted(value) for name, value in services["worker"]["environment"].items()}
    known = {setting.variable for setting in SETTINGS.values()}
    assert {name for name in environment if not name.startswith("AWS_")} <= known
    settings = Settings.from_environ(environment)
    assert settings.amqp_url
    assert settings.mongodb_url


def test_the_addresses_lead_to_the_services_of_this_file(services: dict[str, Any]) -> None:
    environment = services["worker"]["environment"]
    assert "@rabbitmq:5672/" in environment["TAGFLEET_AMQP_URL"]
    assert environment["TAGFLEET_MONGODB_URL"].startswith("mongodb://mongodb:27017/")
    assert {"rabbitmq", "mongodb"} <= set(services)


def test_broker_and_worker_agree_on_user_and_password(services: dict[str, Any]) -> None:
    broker = services["rabbitmq"]["environment"]
    user, password = broker["RABBITMQ_DEFAULT_USER"], broker["RABBITMQ_DEFAULT_PASS"]
    assert f"amqp://{user}:{password}@" in services["worker"]["environment"]["TAGFLEET_AMQP_URL"]


def test_every_service_has_a_health_check_and_waits_for_those_it_needs(services: dict[str, Any]) -> None:
    assert all("healthcheck" in service for service in services.values())
    needed = services["worker"]["depends_on"]
    assert {name: how["condition"] for name, how in needed.items()} == {
        "rabbitmq": "service_healthy",
        "mongodb": "service_healthy",
    }


def test_the_health_check_of_the_worker_asks_the_port_that_it_serves(services: dict[str, Any]) -> None:
    worker = services["worker"]
    port = worker["environment"]["TAGFLEET_METRICS_BIND"].rpartition(":")[2]
    assert f"127.0.0.1:{port}/metrics" in worker["healthcheck"]["test"][-1]


def test_images_are_pinned_to_a_major_version_and_mongodb_is_a_replica_set(services: dict[str, Any]) -> None:
    assert services["rabbitmq"]["image"].startswith("rabbitmq:4")
    assert services["mongodb"]["image"] in ("mongo:7", "mongo:8")
    assert "--replSet" in services["mongodb"]["command"]


def test_ports_are_open_to_this_machine_alone(services: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for service in services.values() for port in service["ports"])


def test_the_passwords_of_this_file_stand_nowhere_else(services: dict[str, Any]) -> None:
    password = substituted(services["rabbitmq"]["environment"]["RABBITMQ_DEFAULT_PASS"])
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    files = [ROOT / name for name in tracked.stdout.split()] or [
        path for path in ROOT.rglob("*.*") if ".venv" not in path.parts
    ]
    holding = [path.name for path in files if path.is_file() and password in path.read_text(errors="replace")]
    assert holding == ["docker-compose.yml"]
