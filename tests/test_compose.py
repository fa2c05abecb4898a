"""docker-compose.yml and the image, held against the Compose specification and the settings that the code reads."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from tagfleet.models.setting_values import bind
from tagfleet.models.settings import SETTINGS, Settings
from tagfleet.monitoring import metrics
from tagfleet.producers.http.command import check_callers_are_asked
from tagfleet.workers.supervisor import STOP_SECONDS

from .monitoring.declared import name_of

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

#: Set by an operator before `docker compose up`.
CONFIGURED = {
    "RABBITMQ_PASSWORD": "0f4c1e",
    "TAGFLEET_STAGING_URL": "s3://bucket/staging",
    "TAGFLEET_ARCHIVE_URL": "s3://bucket/archive",
    "AWS_REGION": "eu-central-1",
    "WORKER_PROCESSES": "4",
}

# `${NAME}`, `${NAME:-default}`, and `$$` for a dollar (Compose file reference, "Interpolation").
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")


def substituted(text: str, environ: Mapping[str, str]) -> str:
    """The text as Compose would read it."""

    def value(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        return environ.get(match["name"]) or match["default"] or ""

    return _VARIABLE.sub(value, text)


def environment_of(service: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What the service's container has in its environment."""
    found = yaml.safe_load(substituted(TEXT, environ))["services"][service]["environment"]
    passed_on = {
        name: environ[name] for name, value in found.items() if name in environ and not value
    }
    return {name: str(value) for name, value in found.items() if value is not None} | passed_on


def container_ports(service: str) -> set[str]:
    """The ports that a service publishes, as its container knows them."""
    return {published.rpartition(":")[2] for published in SERVICES[service]["ports"]}


def health_check(service: str) -> str:
    """The command that says whether the service is well."""
    return " ".join(SERVICES[service]["healthcheck"]["test"])


def test_the_file_follows_the_compose_specification() -> None:
    # Given the specification's own schema
    schema = json.loads((ROOT / "tests" / "compose" / "compose-spec.json").read_text())
    # When the file is held against it
    errors = jsonschema.Draft7Validator(schema).iter_errors(COMPOSE)
    # Then nothing is wrong
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize("environ", [{}, CONFIGURED], ids=["as it is", "configured"])
def test_the_worker_accepts_its_settings(environ: dict[str, str]) -> None:
    # When the worker's environment is read as the worker reads it
    settings = Settings.from_environ(environment_of("worker", environ))
    # Then every address that a worker must have is there
    assert all(
        (settings.amqp_url, settings.mongodb_url, settings.staging_url, settings.archive_url)
    )


def test_what_an_operator_sets_reaches_the_worker() -> None:
    # When an operator has set what the head of the file names
    settings = Settings.from_environ(environment_of("worker", CONFIGURED))
    # Then the worker has it
    assert settings.amqp_url == "amqp://tagfleet:0f4c1e@rabbitmq:5672/%2F"
    assert settings.staging_url == "s3://bucket/staging"
    assert settings.archive_url == "s3://bucket/archive"


def test_the_worker_is_given_only_variables_that_are_read() -> None:
    # Given what tagfleet reads, and what is boto3's
    known = {setting.variable for setting in SETTINGS.values()}
    # Then nothing else is set
    ours = {name for name in SERVICES["worker"]["environment"] if not name.startswith("AWS_")}
    assert ours <= known


@pytest.mark.parametrize("environ", [{}, CONFIGURED], ids=["as it is", "configured"])
def test_the_http_server_accepts_its_settings_and_may_be_reached_by_others(
    environ: dict[str, str],
) -> None:
    # Given the address in the container, which is not loopback
    command = SERVICES["api"]["command"]
    address = bind(command[command.index("--bind") + 1])
    settings = Settings.from_environ(environment_of("api", environ))
    # Then it asks who comes, and so it starts
    assert address
    check_callers_are_asked(settings, address)
    assert address[1] == 8080
    assert settings.http_auth == {"tokens"}


def test_the_http_server_works_on_what_the_workers_work_on() -> None:
    # Given both
    worker, api = (environment_of(service, CONFIGURED) for service in ("worker", "api"))
    # Then where they have the same settings, these are the same, and so is the folder of files
    assert {name for name in api if name in worker and api[name] != worker[name]} == set()
    assert SERVICES["api"]["volumes"] == SERVICES["worker"]["volumes"]


def test_credentials_of_aws_are_passed_on_and_never_written_down() -> None:
    # When nobody set any
    environment = environment_of("worker", {})
    # Then none is in the container, where an empty one would hide a role
    assert {name for name in environment if name.startswith("AWS_")} == {"AWS_REGION"}
    # And when somebody did, they are
    assert environment_of("worker", {"AWS_SESSION_TOKEN": "t"})["AWS_SESSION_TOKEN"] == "t"


@pytest.mark.parametrize("environ", [{}, CONFIGURED], ids=["as it is", "configured"])
def test_the_worker_knows_the_user_that_rabbitmq_makes(environ: dict[str, str]) -> None:
    # When both are configured
    broker = environment_of("rabbitmq", environ)
    worker = environment_of("worker", environ)
    # Then they agree, and it is not RabbitMQ's guest
    user, password = broker["RABBITMQ_DEFAULT_USER"], broker["RABBITMQ_DEFAULT_PASS"]
    assert worker["TAGFLEET_AMQP_URL"].startswith(f"amqp://{user}:{password}@")
    assert "guest" not in (user, password)


def test_the_addresses_of_the_worker_name_services() -> None:
    # When the worker looks for its services
    settings = Settings.from_environ(environment_of("worker", {}))
    hosts = {
        re.sub(r".*@|.*//|[:/].*", "", url or "")
        for url in (settings.amqp_url, settings.mongodb_url)
    }
    # Then it waits for each of them to be well first
    assert hosts == set(SERVICES["worker"]["depends_on"])
    assert {wait["condition"] for wait in SERVICES["worker"]["depends_on"].values()} == {
        "service_healthy"
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_says_whether_it_is_well_and_starts_again(service: str) -> None:
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[service]["restart"] == "unless-stopped"


def test_the_worker_is_well_when_its_metrics_are_served() -> None:
    # Given the port that the worker serves its metrics on
    settings = Settings.from_environ(environment_of("worker", {}))
    assert settings.metrics_bind
    port = str(settings.metrics_bind[1])
    # Then that one is asked for, published, and named by the image
    assert f"127.0.0.1:{port}/metrics" in health_check("worker")
    assert container_ports("worker") == {port}
    assert f"EXPOSE {port}\n" in (ROOT / "Dockerfile").read_text()


def test_the_worker_is_not_well_without_a_living_process() -> None:
    # Given the code of the health check, which looks for one metric
    name = re.search(r'b"\\n(\w+) "', health_check("worker"))
    # Then it is one that only a living process serves
    assert name
    assert name[1] == name_of(metrics.CLOCK_LEADER)
    compile(SERVICES["worker"]["healthcheck"]["test"][-1], "health check", "exec")


def test_rabbitmq_is_well_when_the_port_of_the_workers_is_open() -> None:
    url = environment_of("worker", {})["TAGFLEET_AMQP_URL"]
    port = url.rpartition(":")[2].partition("/")[0]
    assert health_check("rabbitmq").endswith(f"check_port_listener {port}")
    assert port in container_ports("rabbitmq")


def test_mongodb_is_well_when_the_set_of_the_workers_has_a_primary() -> None:
    # Given the set and the port that mongod is told
    command, url = (
        SERVICES["mongodb"]["command"],
        environment_of("worker", {})["TAGFLEET_MONGODB_URL"],
    )
    replica_set = command[command.index("--replSet") + 1]
    port = command[command.index("--port") + 1]
    # Then the health check makes that set, under the address that the workers know
    assert f'_id: "{replica_set}"' in health_check("mongodb")
    assert f'host: "mongodb:{port}"' in health_check("mongodb")
    assert url.startswith(f"mongodb://mongodb:{port}/")
    assert url.endswith(f"replicaSet={replica_set}")


def test_the_worker_has_the_time_to_stop_that_its_supervisor_takes() -> None:
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > STOP_SECONDS


def test_images_of_others_are_pinned_to_a_major_version() -> None:
    foreign = {service["image"] for service in SERVICES.values() if "build" not in service}
    foreign |= set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert {image for image in foreign if not re.search(r":\d", image)} == set()


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_volumes_are_declared_and_used() -> None:
    used = {
        mount.partition(":")[0] for service in SERVICES.values() for mount in service["volumes"]
    }
    assert used == set(COMPOSE["volumes"])


def test_the_worker_may_write_to_its_volume() -> None:
    # Given the folder of the volume
    folder = SERVICES["worker"]["volumes"][0].partition(":")[2]
    dockerfile = (ROOT / "Dockerfile").read_text()
    # Then the image makes it, for the user that the worker runs as
    user = re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)
    assert user == ["tagfleet"]
    assert f"install --directory --owner={user[0]} --group={user[0]} {folder}\n" in dockerfile


def test_the_image_gets_all_that_the_wheel_is_built_from_and_no_more() -> None:
    # Given what the wheel is built from
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    build = project["tool"]["hatch"]["build"]["only-include"]
    needed = {
        *build,
        "pyproject.toml",
        project["project"]["readme"],
        *project["project"]["license-files"],
    }
    # Then all else is left out
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == needed


def test_the_development_password_stands_nowhere_else() -> None:
    # Given the one password that is written down
    written_down = set(re.findall(r"\$\{RABBITMQ_PASSWORD:-(\w+)\}", TEXT))
    assert len(written_down) == 1
    # When all that is shipped, and all that is read by people, is searched for addresses with a password
    shipped = [ROOT / "Dockerfile", *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for folder in ("models", "monitoring", "producers", "routing_rules", "workers", "examples"):
        shipped += [
            file for file in (ROOT / folder).rglob("*") if file.suffix in (".py", ".yaml", ".yml")
        ]
    found = {
        (file.name, address)
        for file in shipped
        for address in re.findall(r"\w+://[\w-]+:([^\s@/]+)@", file.read_text(encoding="utf-8"))
    }
    # Then there are placeholders only
    assert {(name, word) for name, word in found if not _is_placeholder(word)} == set()


def _is_placeholder(word: str) -> bool:
    return word in ("password", "***", "...", "secret") or word.startswith(("{", "$", "<"))
