"""`tagfleet api`: serves HTTP, until Ctrl-C."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import socket
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
    check_callers_are_asked(settings, address)
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


def check_callers_are_asked(settings: Settings, address: tuple[str, int]) -> None:
    """Make sure that a server which others can reach asks who they are.

    Raises:
        BadSetting: It would not; says what to set.
    """
    if "proxy" in settings.http_auth and not settings.http_trusted_proxies:
        raise BadSetting(
            "TAGFLEET_HTTP_TRUSTED_PROXIES",
            "",
            "the addresses of the proxies whose headers are believed, as TAGFLEET_HTTP_AUTH has `proxy`",
        )
    if not settings.http_auth and not _is_loopback(address[0]):
        raise BadSetting(
            "TAGFLEET_HTTP_AUTH",
            "",
            f"tokens, proxy or tokens,proxy, because others can reach {address[0]}: everybody there could run "
            "anything. `tagfleet token create` makes tokens; or serve on 127.0.0.1",
        )


def _is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches it; a name must mean nothing else."""
    try:
        found = {str(row[4][0]) for row in socket.getaddrinfo(host, None)}
    except OSError:
        return False  # it cannot be listened on either, and that is said elsewhere
    return all(ipaddress.ip_address(each.partition("%")[0]).is_loopback for each in found)


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
