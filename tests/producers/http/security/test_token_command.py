"""`tagfleet token`, and a server that takes what it makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ..test_server import PATIENCE_SECONDS, ApiProcess

#: What a user of Genie runs; only the configuration file knows of the token.
GENIE = """
from pygenie.client import Genie
genie = Genie()
genie.create_application({"id": "app", "name": "app", "user": "ana", "version": "1", "status": "ACTIVE"})
print(genie.get_application("app")["name"])
"""


@pytest.fixture(scope="module")
def server(mongodb_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    """A server that asks for tokens."""
    base, _, query = mongodb_server.partition("?")
    url = f"{base.rsplit('/', 1)[0]}/tokens?{query}"
    started = ApiProcess(tmp_path_factory.mktemp("tokens"), url, TAGFLEET_HTTP_AUTH="tokens")
    yield started
    assert started.stop() == 0


def test_a_token_is_made_shown_once_and_revoked(server: ApiProcess) -> None:
    # When a token is made
    made = tagfleet(server, "token", "create", "--user", "ana", "--role", "reader", "--days", "30")
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    # Then it opens the server
    assert status_of(server, token) == 200
    # And its list tells all but the secret
    listed = tagfleet(server, "token", "list", "--output", "json").stdout
    (row,) = (each for each in json.loads(listed) if each["user"] == "ana")
    assert (row["role"], row["state"]) == ("reader", "valid")
    assert token.rsplit("_", 1)[1] not in listed
    # When it is revoked
    assert tagfleet(server, "token", "revoke", row["id"]).returncode == 0
    # Then it opens nothing, within a moment
    while status_of(server, token) != 401:
        pass


def test_the_secret_is_in_no_log(server: ApiProcess) -> None:
    token = tagfleet(server, "token", "create", "--user", "bo", "--role", "reader").stdout.strip()
    assert status_of(server, token) == 200
    requests.get(f"{server.url}/api/v3/jobs?access_token={token}", timeout=PATIENCE_SECONDS)
    assert token.rsplit("_", 1)[1] not in server.log.read_text()
    assert any(line.get("user") == "bo" for line in server.lines())


def test_genies_client_sends_it_as_a_password(server: ApiProcess, tmp_path: Path) -> None:
    # Given Genie's own client, and its own way to sign in
    made = tagfleet(server, "token", "create", "--user", "ana", "--role", "admin")
    (tmp_path / "genie.ini").write_text(
        f"[genie]\nurl = {server.url}\nusername = ana\nauth = pygenie.auth.HTTPBasicGenieAuth\n"
        f"[genie_auth]\nusername = ana\npassword = {made.stdout.strip()}\n"
    )
    # When it makes an entry
    found = subprocess.run(
        [sys.executable, "-c", GENIE],
        env={**os.environ, "GENIE_CONFIG": str(tmp_path / "genie.ini")},
        capture_output=True, text=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    # Then it is there
    assert found.stdout.strip() == "app", found.stderr


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--user", "x", "--role", "king"), "--role"),
        (("--user", " ", "--role", "reader"), "--user"),
        (("--user", "x", "--role", "reader", "--days", "-1"), "--days"),
    ],
)
def test_wrong_arguments_are_named(
    server: ApiProcess, arguments: tuple[str, ...], field: str
) -> None:
    found = tagfleet(server, "token", "create", *arguments)
    assert found.returncode == 2
    assert field in found.stderr


def test_an_unknown_token_cannot_be_revoked(server: ApiProcess) -> None:
    found = tagfleet(server, "token", "revoke", "none")
    assert found.returncode == 1
    assert "'none'" in found.stderr


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "TAGFLEET_HTTP_AUTH"),
        ({"TAGFLEET_HTTP_AUTH": "off"}, "TAGFLEET_HTTP_AUTH"),
        ({"TAGFLEET_HTTP_AUTH": "proxy"}, "TAGFLEET_HTTP_TRUSTED_PROXIES"),
        ({"TAGFLEET_HTTP_AUTH": "magic"}, "TAGFLEET_HTTP_AUTH"),
        ({"TAGFLEET_HTTP_AUTH": "tokens", "TAGFLEET_HTTP_ROLES": "x=king"}, "TAGFLEET_HTTP_ROLES"),
    ],
)
def test_a_server_that_others_can_reach_asks_who_they_are(
    server: ApiProcess, settings: dict[str, str], named: str
) -> None:
    # When a server is to listen everywhere, and is not told how to ask
    clean = {
        name: value for name, value in server.environment.items() if name != "TAGFLEET_HTTP_AUTH"
    }
    found = subprocess.run(
        [sys.executable, "-m", "tagfleet", "api", "--bind", "0.0.0.0:0"],
        env=clean | settings, capture_output=True, text=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    # Then it does not start, and says what to set
    assert found.returncode == 2
    assert named in found.stderr


def tagfleet(server: ApiProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the server's database."""
    return subprocess.run(
        [sys.executable, "-m", "tagfleet", *arguments],
        env={**os.environ, **server.environment}, capture_output=True, text=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip


def status_of(server: ApiProcess, token: str) -> int:
    """What the server answers whoever has the token."""
    headers: dict[str, Any] = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{server.url}/api/v3/jobs", headers=headers, timeout=60).status_code
