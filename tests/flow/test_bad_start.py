"""What cannot start says why, soon, and with the right exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tagfleet.models.processes import free_port


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tagfleet", *arguments],
        env={**os.environ, "TAGFLEET_DATA": str(folder / "data"), "TAGFLEET_METRICS_BIND": "", **settings},
        cwd=folder, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


@pytest.fixture
def nowhere() -> str:
    return f"127.0.0.1:{free_port()}"


def storage(folder: Path) -> dict[str, str]:
    return {"TAGFLEET_STAGING_URL": str(folder / "s"), "TAGFLEET_ARCHIVE_URL": str(folder / "a")}


def test_a_worker_without_its_database_ends_with_3(tmp_path: Path, nowhere: str) -> None:
    urls = {
        "TAGFLEET_AMQP_URL": f"amqp://{nowhere}/",
        "TAGFLEET_MONGODB_URL": f"mongodb://u:secret@{nowhere}/x",
    }
    done = run(tmp_path, "worker", **urls, **storage(tmp_path))
    assert done.returncode == 3
    assert f"MongoDB at mongodb://u:***@{nowhere}/x cannot be reached" in done.stderr
    assert "secret" not in done.stderr


@contextmanager
def dying_at(command: bytes, url: str) -> Iterator[str]:
    """The address of a MongoDB that hangs up as soon as it is sent the command, and is away then."""
    server = urlsplit(url)
    with ExitStack() as sockets, ThreadPoolExecutor(max_workers=64) as threads:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0)))

        clients: list[socket.socket] = []

        def pump(source: socket.socket, sink: socket.socket) -> None:
            # (an OSError here is the other direction's end)
            with suppress(OSError):
                while data := source.recv(65536):
                    if command in data:
                        hang_up(listener, *clients)
                        break
                    sink.sendall(data)
            hang_up(source, sink)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client = sockets.enter_context(listener.accept()[0])
                    clients.append(client)
                    target = (server.hostname, server.port)
                    behind = sockets.enter_context(socket.create_connection(target))
                    threads.submit(pump, client, behind)
                    threads.submit(pump, behind, client)

        threads.submit(serve)
        here = url.replace(f":{server.port}", f":{listener.getsockname()[1]}")
        try:
            # Else the client goes where the server says that it is.
            yield f"{here}&directConnection=true"
        finally:
            hang_up(listener)


def hang_up(*connections: socket.socket) -> None:
    for each in connections:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def test_a_worker_whose_database_dies_while_it_starts_ends_with_3(
    tmp_path: Path, mongodb_url: str, amqp_url: str
) -> None:
    with dying_at(b"createIndexes", mongodb_url) as url:
        done = run(
            tmp_path,
            "worker",
            **storage(tmp_path),
            TAGFLEET_AMQP_URL=amqp_url,
            TAGFLEET_MONGODB_URL=url,
        )
    assert done.returncode == 3, done.stderr
    assert "MongoDB at the configured address cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_without_its_broker_ends_with_3(
    tmp_path: Path, nowhere: str, mongodb_url: str
) -> None:
    urls = {"TAGFLEET_AMQP_URL": f"amqp://u:secret@{nowhere}/", "TAGFLEET_MONGODB_URL": mongodb_url}
    done = run(tmp_path, "worker", **urls, **storage(tmp_path))
    assert done.returncode == 3
    assert "RabbitMQ" in done.stderr
    assert "TAGFLEET_AMQP_URL" in done.stderr
    assert "secret" not in done.stderr


def test_a_fleet_whose_broker_is_away_ends_with_3(tmp_path: Path, nowhere: str) -> None:
    done = run(tmp_path, "up", TAGFLEET_AMQP_URL=f"amqp://{nowhere}/")
    assert done.returncode == 3
    assert "RabbitMQ" in done.stderr


def test_a_worker_that_lacks_an_address_says_which(tmp_path: Path) -> None:
    done = run(tmp_path, "worker")
    assert done.returncode == 2
    assert "TAGFLEET_AMQP_URL" in done.stderr


def test_a_bad_setting_is_refused_by_name(tmp_path: Path) -> None:
    done = run(tmp_path, "up", TAGFLEET_SWEEP_SECONDS="soon")
    assert done.returncode == 2
    assert "TAGFLEET_SWEEP_SECONDS='soon' cannot be used: expected seconds between" in done.stderr


def test_bad_rules_are_refused_with_file_and_line(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("version: 1\nroute: []\n")
    done = run(tmp_path, "up", TAGFLEET_RULES=str(rules))
    assert done.returncode == 2
    assert f"{rules}:2:1" in done.stderr
    assert "did you mean 'routes'" in done.stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("clusters: &a [*a]\n", "catalog.yaml:1:"),
        ("clusters:\n  - {id: x, name: x, user: u, version: 1, tagz: [a]}\n", "catalog.yaml:2:"),
        ("clusters: [\n", "catalog.yaml:"),
        ("clusters:\n  - {id: ../x, name: x, user: u, version: 1}\n", "is not an id"),
    ],
    ids=["cyclic alias", "unknown field", "syntax", "path in a name"],
)
def test_a_bad_catalog_file_is_refused_whole_with_its_line(
    tmp_path: Path, content: str, problem: str
) -> None:
    file = tmp_path / "catalog.yaml"
    file.write_text(content)
    done = run(tmp_path, "catalog", "apply", "-f", str(file))
    assert done.returncode == 2
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = run(tmp_path, "up", TAGFLEET_DATA=str(blocked))
    assert done.returncode in (2, 3)
    assert str(blocked) in done.stderr
    assert "Traceback" not in done.stderr


def test_who_waits_for_a_job_where_no_fleet_runs_is_told_so(tmp_path: Path) -> None:
    done = run(tmp_path, "job", "wait", "job-1")
    assert done.returncode == 3
    assert "none runs there" in done.stderr
    assert "tagfleet up" in done.stderr
