"""Clients that send or read so slowly that a thread each is theirs for ever."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tagfleet.producers.http.patience import PatientSocket

from .raw import connected

#: The server with one thread, and less patience than is good for anybody.
HURRIED = """
from tagfleet.producers.http.patience import PatientWorker
PatientWorker.silent_seconds = PatientWorker.begin_seconds = 0.3
from tagfleet.__main__ import main
import sys
sys.argv[1:] = ["api", "--bind", "127.0.0.1:0", "--threads", "1"]
raise SystemExit(main())
"""


@pytest.fixture(scope="module")
def url(mongodb_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of that server."""
    folder = tmp_path_factory.mktemp("hurried")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "TAGFLEET_DATA": str(folder),
        "TAGFLEET_MONGODB_URL": mongodb_server,
        "TAGFLEET_STAGING_URL": str(folder / "staging"),
    }
    with (folder / "log").open("wb") as log, subprocess.Popen(
        [sys.executable, "-c", HURRIED],
        env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, (folder / "log").read_text()
        yield found[0]
        process.terminate()
    assert "Traceback" not in (folder / "log").read_text()


@pytest.mark.parametrize(
    "begin",
    [
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ",
        "POST /api/v3/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000\r\n\r\n{",
        "POST /api/v3/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        "POST /api/v3/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        "Content-Length: 1000\r\n\r\n--x\r\n",
    ],
)
def test_a_client_that_falls_silent_does_not_keep_its_thread(url: str, begin: str) -> None:
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connected(url)).sendall(begin.encode())
        assert requests.get(f"{url}/healthz", timeout=60).status_code == 200


def test_a_client_that_never_ends_does_not_keep_its_thread(url: str) -> None:
    # Given one that is never silent for long
    end = threading.Event()

    def dribble() -> None:
        with connected(url) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ")
            try:
                while not end.wait(0.1):
                    client.sendall(b"a")
            except OSError:
                hung_up.set()

    hung_up = threading.Event()
    thread = threading.Thread(target=dribble)
    thread.start()
    # Then the server ends it
    assert hung_up.wait(60)
    end.set()
    thread.join()
    assert requests.get(f"{url}/healthz", timeout=60).status_code == 200


def test_a_client_that_takes_its_time_within_reason_is_served(url: str) -> None:
    with connected(url) as client:
        for piece in (
            b"GET /healthz HT",
            b"TP/1.1\r\nHost: localhost\r\n",
            b"Connection: close\r\n\r\n",
        ):
            client.sendall(piece)
        assert b" 200 " in client.recv(1000)


def test_who_does_not_read_the_answer_is_not_waited_for() -> None:
    one, other = socket.socketpair()
    with other, PatientSocket.of(one, 0.1, 60) as patient:
        patient.setblocking(True)
        with pytest.raises(ConnectionResetError, match="too slow"):
            patient.sendall(b"x" * 10_000_000)


def test_who_does_not_read_a_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * 10_000_000)
    one, other = socket.socketpair()
    with other, PatientSocket.of(one, 0.1, 60) as patient, path.open("rb") as file:
        patient.setblocking(True)
        with pytest.raises(ConnectionResetError, match="too slow"):
            patient.sendfile(file)
