"""Serves the application: gunicorn with threads, and a stop that lets requests end."""

from __future__ import annotations

import sys
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication

from ...models import jobs
from ...models.database import connect, disconnect
from ...models.errors import TagfleetError
from ...models.settings import Settings
from .access_log import FleetLogger
from .app import create_app
from .patience import PatientWorker
from .streams.sse import streams

#: How long requests may take to end when the server is told to stop, in seconds.
STOP_SECONDS: Final = 8

#: How long the process may not show that it lives before it is replaced, in seconds. Its main thread
#: only accepts connections: requests may take as long as they like.
SILENT_SECONDS: Final = 60

#: gunicorn ends the whole with this when a process cannot start; also what a service away means.
_CANNOT_START: Final = 3


class Server(BaseApplication):
    """The server process.

    Arguments:
        address: Host and port.
        threads: Requests that are served at once.
    """

    def __init__(self, settings: Settings, address: tuple[str, int], threads: int) -> None:
        self._settings, self._address, self._threads = settings, address, threads
        super().__init__(prog="tagfleet api")

    def load_config(self) -> None:
        """Called by gunicorn for its settings."""
        host, port = self._address
        for name, value in {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "worker_class": PatientWorker,
            "workers": 1,
            "threads": self._threads,
            # Beyond the threads, connections that are kept alive and ask for nothing.
            "worker_connections": self._threads + 1000,
            "timeout": SILENT_SECONDS,
            "graceful_timeout": STOP_SECONDS,
            "keepalive": 30,
            "logger_class": FleetLogger,
            "control_socket_disable": True,
            "worker_tmp_dir": _memory(),
            "limit_request_line": 8190,
            "post_worker_init": _say_ready,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called in the process that serves, after the fork: no connection survives one."""
        try:
            assert self._settings.mongodb_url
            connect(self._settings.mongodb_url)
            jobs.ensure_indexes()
            # Those that are left are for whoever asks a question, or submits.
            return create_app(self._settings, most_streams=max(1, self._threads * 7 // 8))
        except TagfleetError as error:
            print(f"tagfleet: {error}", file=sys.stderr, flush=True)
            disconnect()
            sys.exit(_CANNOT_START)


def _say_ready(worker: Any) -> None:
    # Streams end when the server is told to stop.
    streams(worker.wsgi).goes_on = lambda: bool(worker.alive)
    for listener in worker.sockets:
        print(f"Serving HTTP at http://{_shown(listener.getsockname())}", flush=True)


def _shown(name: tuple[Any, ...]) -> str:
    host, port = name[0], name[1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _memory() -> str | None:
    # A slow disk under /tmp would look like a process that no longer lives (gunicorn FAQ).
    return "/dev/shm" if sys.platform.startswith("linux") else None
