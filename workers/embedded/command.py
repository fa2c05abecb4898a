"""`tagfleet up`: everything in one process tree, until Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import os
import socket
from urllib.parse import urlsplit

from ...models import endpoints
from ...models.errors import ServiceUnavailable
from ...models.settings import Settings, masked, unknown_variables
from ...monitoring import logs
from ..stopping import until_stopped
from .up import up

log = logging.getLogger(__name__)

#: How often it is looked whether what was started is still there.
WATCH_SECONDS = 5.0

#: What is started here, in a user's words.
_WHAT = {
    "mongodb": "The embedded database",
    "emr": "The local EMR",
    "http": "The HTTP server",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command: it has no options, all is set by the environment."""


def main(arguments: argparse.Namespace) -> int:
    """Run the fleet until SIGTERM or SIGINT; returns the exit code."""
    settings = Settings.from_environ()
    logs.configure(settings.log, settings.log_level)
    for name in unknown_variables(os.environ):
        log.warning(f"{name} is set, but nothing reads it.", extra={"action": "unknown-setting"})
    with until_stopped() as stopping, up(settings) as addresses:
        for name, address in addresses.items():
            print(f"{name:<8} {masked(address)}", flush=True)
        print(
            f"Ready; the addresses are in {settings.data / endpoints.FILE}. Ctrl-C stops it.",
            flush=True,
        )
        started = [
            name
            for name in ("mongodb", "emr", "http")
            if not (name == "mongodb" and settings.mongodb_url)
        ]
        while not stopping.wait(WATCH_SECONDS):
            for name in started:
                _check(name, addresses.get(name))
    return 0


def _check(name: str, address: str | None) -> None:
    """Make sure that a server that was started here is still there.

    Raises:
        ServiceUnavailable: It has ended. Ending too lets whoever keeps this process running start all anew.
    """
    if address is None:
        return
    parts = urlsplit(address)
    try:
        socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=30).close()
    except OSError as error:
        raise ServiceUnavailable(
            _WHAT[name], address, "it has ended", "Start `tagfleet up` again."
        ) from error
