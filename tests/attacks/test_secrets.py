"""Secrets of the settings: when what they are for fails, nothing that anybody reads holds them."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.producers.http.test_server import ApiProcess

from tagfleet.models.database import connect
from tagfleet.models.errors import ServiceUnavailable

from .conftest import REQUEST

#: Each as it would be of its kind: a password, a password as it stands in a URL, a key, a token.
SECRETS = {
    "password": "pa55-of-Somebody",
    "encoded": "p%40ss%2Fof%3FSomebody",
    "key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "token": "IQoJb3JpZ2luX2VjEXAMPLETOKENEXAMPLE",
}

NOWHERE = "127.0.0.1:9"


def check(text: str) -> None:
    """Nothing of them is in the text."""
    for name, secret in {**SECRETS, "decoded": "p@ss/of?Somebody"}.items():
        assert secret not in text, f"the {name} is told"


@pytest.fixture
def server(tmp_path: Path, mongodb: object, mongodb_url: str) -> Iterator[ApiProcess]:
    """A server whose RabbitMQ and S3 are not there."""
    started = ApiProcess(
        tmp_path,
        mongodb_url,
        TAGFLEET_AMQP_URL=f"amqp://somebody:{SECRETS['encoded']}@{NOWHERE}/",
        TAGFLEET_STAGING_URL="s3://bucket/staging",
        TAGFLEET_LOG_LEVEL="DEBUG",
        AWS_ENDPOINT_URL=f"http://{NOWHERE}",
        AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE",
        AWS_SECRET_ACCESS_KEY=SECRETS["key"],
        AWS_SESSION_TOKEN=SECRETS["token"],
        AWS_REGION="us-east-1",
        AWS_MAX_ATTEMPTS="1",
    )
    yield started
    started.stop()


def test_a_server_whose_services_fail_tells_no_secret(server: ApiProcess) -> None:
    headers = {"Authorization": f"Bearer {SECRETS['password']}", "Cookie": f"a={SECRETS['token']}"}
    for method, path, body in (
        ("GET", "/readyz", None),
        ("GET", f"/api/v3/jobs?token={SECRETS['password']}", None),
        ("POST", "/api/v3/jobs", REQUEST),
        ("GET", "/metrics", None),
        ("GET", "/api/openapi.json", None),
        ("GET", "/api/v1/dead-letters", None),
    ):
        answer = requests.request(
            method, f"{server.url}{path}", json=body, headers=headers, timeout=120
        )
        check(answer.text)
        check(str(answer.headers))
    server.stop()
    check(server.log.read_text())


@pytest.mark.parametrize("command", [["worker"], ["dead-letters", "list"], ["job", "list"]])
@pytest.mark.parametrize("address", ["somebody:{password}@[bad", "somebody:{encoded}@host:port"])
def test_a_command_with_a_bad_address_tells_no_secret(
    tmp_path: Path, command: list[str], address: str
) -> None:
    done = run(tmp_path, command, address.format(**SECRETS))
    assert done.returncode == 2, done.stderr
    check(done.stdout + done.stderr)


def test_a_command_that_does_not_reach_rabbitmq_tells_no_secret(tmp_path: Path) -> None:
    done = run(tmp_path, ["dead-letters", "list"], f"somebody:{SECRETS['encoded']}@{NOWHERE}")
    assert done.returncode == 3, done.stderr
    check(done.stdout + done.stderr)


def test_a_database_that_is_not_reached_is_told_without_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tagfleet.models.database.SERVER_SELECTION_MILLISECONDS", 100)
    with pytest.raises(ServiceUnavailable, match=NOWHERE) as failed:
        connect(f"mongodb://somebody:{SECRETS['encoded']}@{NOWHERE}/x")
    check("".join(traceback.format_exception(failed.value)))


def run(folder: Path, command: list[str], address: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose RabbitMQ and MongoDB are there."""
    return subprocess.run(
        [sys.executable, "-m", "tagfleet", *command],
        env={
            **os.environ,
            "TAGFLEET_DATA": str(folder),
            "TAGFLEET_AMQP_URL": f"amqp://{address}/",
            "TAGFLEET_MONGODB_URL": f"mongodb://{address}/x",
            "TAGFLEET_STAGING_URL": str(folder),
            "TAGFLEET_ARCHIVE_URL": str(folder),
        },
        capture_output=True, text=True, timeout=120, check=False, cwd=folder,
    )  # fmt: skip
