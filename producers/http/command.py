"""`tagfleet api`: serves HTTP, until Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import os
from contextlib import ExitStack
from dataclasses import replace

from ...models import endpoints
from ...models.errors import BadSetting, InvalidInput, ServiceUnavailable
from ...models.local_addresses import use_running
from ...models.processes import is_taken
from ...models.setting_values import bind
from ...models.settings import Settings, unknown_variables
from ...monitoring import logs

log = logging.getLogger(__name__)

#: Requests that are served at once. An open log tail holds a thread for as long as it is open.
DEFAULT_THREADS = 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument(
        "--bind", metavar="HOST:PORT", help="what to listen on (default: TAGFLEET_HTTP_BIND)"
    )
    parser.add_argument(
        "--threads", type=int, default=DEFAULT_THREADS, metavar="N",
        help="requests that are served at once, an open log tail included (default: %(default)s)",
    )  # fmt: skip


def main(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    settings = Settings.from_environ()
    logs.configure(settings.log, settings.log_level)
    for name in unknown_variables(os.environ):
        log.warning(f"{name} is set, but nothing reads it.", extra={"action": "unknown-setting"})
    if not 1 <= arguments.threads <= 1024:
        raise InvalidInput(
            "--threads", [f"expected a number between 1 and 1024, found {arguments.threads}"]
        )
    address = _address(settings, arguments.bind)
    if address[1] and is_taken(*address):
        raise ServiceUnavailable(
            "The address for HTTP",
            f"{address[0]}:{address[1]}",
            "it is taken, or none of this machine's",
            "Set TAGFLEET_HTTP_BIND to another one.",
        )
    # Imported late: prometheus_client looks at its environment when it is imported.
    from .server import Server

    with ExitStack() as stack:
        stack.enter_context(use_running(settings))
        Server(_of_a_running_fleet(settings), address, arguments.threads).run()
    return 0


def _address(settings: Settings, text: str | None) -> tuple[str, int]:
    try:
        address = bind(text) if text is not None else settings.http_bind
    except ValueError:
        address = None
    if address is None:
        raise BadSetting("TAGFLEET_HTTP_BIND", text or "", "host:port")
    return address


def _of_a_running_fleet(settings: Settings) -> Settings:
    """The settings, and where they name no database that of the `tagfleet up` which runs on TAGFLEET_DATA."""
    if settings.mongodb_url:
        return settings
    running = endpoints.read(settings.data)
    if "mongodb" not in running:
        raise BadSetting(
            "TAGFLEET_MONGODB_URL",
            "",
            "the address of a MongoDB (`tagfleet up` needs none, and serves HTTP itself)",
        )
    return replace(settings, mongodb_url=running["mongodb"])
