"""The HTTP server of `tagfleet up`."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import requests

from ...flow.fleet_process import PATIENCE_SECONDS, FleetProcess


def test_it_serves_at_a_free_port_where_the_usual_one_is_taken(tmp_path: Path) -> None:
    # Given a fleet with no word on HTTP, while somebody listens at the usual port
    fleet = FleetProcess(tmp_path / "data")
    del fleet.environment["TAGFLEET_HTTP_BIND"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # somebody else does
        # When it starts
        fleet.start()
    # Then it serves at another
    url = fleet.addresses["http"]
    assert not url.endswith(":8080")
    assert requests.get(f"{url}/readyz").json()["status"] == "ready"
    # And when its server is killed, the whole ends: who keeps it running starts all anew
    assert fleet.process
    os.kill(_server_of(fleet.process.pid), signal.SIGKILL)
    assert fleet.process.wait(PATIENCE_SECONDS) == 3
    assert "The HTTP server" in fleet.log()


def test_a_taken_port_that_was_asked_for_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        fleet = FleetProcess(tmp_path / "data", TAGFLEET_HTTP_BIND=f"127.0.0.1:{port}")
        fleet.data.mkdir()
        done = fleet.run("up", expect=3)
    assert "TAGFLEET_HTTP_BIND" in done.stderr


def _server_of(parent: int) -> int:
    """The process that was started as `tagfleet api`."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return next(
        int(child)
        for child in children
        if b"\0api\0" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
