"""A MongoDB that can be killed, and comes back at the same address with what it had."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymongo
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from tagfleet.models.embedded_mongodb import PROGRAM
from tagfleet.models.processes import dies_with_parent, free_port

START_SECONDS = 60.0


class Database:
    """The embedded database as a process, on one folder and one port."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._port, self._folder = free_port(), folder
        self.url = f"mongodb://127.0.0.1:{self._port}/tagfleet?retryWrites=false"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        config = self._folder / "config.toml"
        config.touch()
        program = str(Path(sys.executable).parent / PROGRAM)
        command = [program, "--config", str(config), "--port", str(self._port)]
        command += ["--storage-path", str(self._folder / "files"), "--sync-on-commit"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, preexec_fn=dies_with_parent()
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, (self._folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """kill -9."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        client: pymongo.MongoClient[dict[str, Any]]
        with pymongo.MongoClient(self.url, serverSelectionTimeoutMS=500) as client:
            try:
                client.admin.command("ping")
            except PyMongoError:
                return False
        return True

    @contextmanager
    def jobs(self) -> Iterator[Collection[dict[str, Any]]]:
        """The jobs, by a client of its own."""
        client: pymongo.MongoClient[dict[str, Any]]
        with pymongo.MongoClient(self.url, tz_aware=True, serverSelectionTimeoutMS=2000) as client:
            yield client.get_default_database()["jobs"]
