"""`tagfleet up`: everything in one process tree, until Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import os

from ...models import endpoints
from ...models.settings import Settings, masked, unknown_variables
from ...monitoring import logs
from ..stopping import until_stopped
from .up import up

log = logging.getLogger(__name__)


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
        stopping.wait()
    return 0
