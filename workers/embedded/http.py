"""The HTTP server of `tagfleet up`: a process beside this one."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from ...models.errors import ServiceUnavailable
from ...models.processes import dies_with_parent, free_port, is_taken, stop
from ...models.settings import SETTINGS, Settings
from ..supervisor import worker_command

#: How long it may take to answer, in seconds.
START_SECONDS = 60.0


class HttpServer:
    """The server, as it starts.

    Arguments:
        url: Where it serves.
    """

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process, self._url = process, url

    def wait(self) -> str:
        """Wait until it serves; gives its address.

        Raises:
            ServiceUnavailable: It does not start; it has said why on stderr.
        """
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                urllib.request.urlopen(f"{self._url}/healthz", timeout=2).close()
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
            else:
                return self._url
        raise ServiceUnavailable(
            "The HTTP server", self._url, "it does not start", "Its log above says why."
        )


@contextmanager
def http_served(settings: Settings) -> Iterator[HttpServer | None]:
    """Start the server, which stops at the end of the block; None where TAGFLEET_HTTP_BIND is empty.

    Arguments:
        settings: With all addresses; those that the environment lacks are passed on.

    Raises:
        ServiceUnavailable: The address that TAGFLEET_HTTP_BIND names is taken.
    """
    address = _address(settings)
    if address is None:
        yield None
        return
    host, port = address
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    process = subprocess.Popen(
        worker_command("api", "--bind", shown), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env={**os.environ, **_environment(settings)}, preexec_fn=dies_with_parent(),
    )  # fmt: skip
    try:
        # Whoever listens everywhere is asked here.
        reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, shown.rpartition(":")[0])
        yield HttpServer(process, f"http://{reachable}:{port}")
    finally:
        stop(process)


def _environment(settings: Settings) -> dict[str, str]:
    found = {
        name: getattr(settings, name) for name in ("mongodb_url", "staging_url", "archive_url")
    }
    return {SETTINGS[name].variable: str(value) for name, value in found.items() if value}


def _address(settings: Settings) -> tuple[str, int] | None:
    if settings.http_bind is None:
        return None
    host, port = settings.http_bind
    variable = SETTINGS["http_bind"].variable
    if port == 0 or (variable not in os.environ and is_taken(host, port)):
        return host, free_port()
    if is_taken(host, port):
        # Looked at here, too: whoever listens there would be taken for the server that was started.
        raise ServiceUnavailable(
            "The address for HTTP",
            f"{host}:{port}",
            "it is taken, or none of this machine's",
            f"Set {variable} to another one; port 0 takes a free one.",
        )
    return host, port
