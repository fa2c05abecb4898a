"""`tagfleet local-emr`: the EMR API, S3 and SQS on one port, until Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from ...models.errors import InvalidInput
from ...models.settings import Settings
from ...monitoring import logs
from ..stopping import wait_until
from .server import EVENTS_QUEUE, LocalEmr

DEFAULT_PORT = 4567


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument(
        "--home",
        type=Path,
        metavar="FOLDER",
        help="where all is kept (default: local-emr in TAGFLEET_DATA)",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="what to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--throttle", action="store_true", help="enforce EMR's default quotas of API calls"
    )
    parser.add_argument(
        "--boot-seconds",
        type=float,
        default=0.05,
        metavar="S",
        help="how long a cluster takes to start",
    )
    parser.add_argument(
        "--max-processes",
        type=int,
        metavar="N",
        help="steps that really run at once (default: the processors)",
    )
    parser.add_argument(
        "--events-queue",
        default=EVENTS_QUEUE,
        metavar="NAME",
        help="the SQS queue that EMR's events go to (default: %(default)s)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    settings = Settings.from_environ()
    logs.configure(settings.log, settings.log_level)
    if not 0 <= arguments.port <= 65535:
        raise InvalidInput(
            "--port", [f"expected a number between 0 and 65535, found {arguments.port}"]
        )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    server = LocalEmr(
        arguments.home or settings.data / "local-emr",
        host=arguments.host,
        port=arguments.port,
        throttle=arguments.throttle,
        boot_seconds=arguments.boot_seconds,
        max_processes=arguments.max_processes,
        events_queue=arguments.events_queue,
    )
    with server:
        print(f"The local EMR, S3 and SQS are at {server.url}. Try:", flush=True)
        print(
            f"  AWS_ENDPOINT_URL={server.url} AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_REGION=us-east-1 aws emr list-clusters",
            flush=True,
        )
        print(f"EMR's events arrive at {server.events_queue_url}", flush=True)
        wait_until(stopping)
    logging.getLogger(__name__).info("Stopped.", extra={"action": "stopped"})
    sys.stdout.flush()
    return 0
