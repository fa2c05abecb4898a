"""`tagfleet worker`: workers on a RabbitMQ and a MongoDB that run elsewhere."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from pathlib import Path

from ...models.errors import BadSetting, InvalidInput
from ...models.settings import Settings, masked, unknown_variables
from ...monitoring import exposition, logs
from ..stopping import until_stopped
from ..supervisor import supervise, worker_command

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument(
        "--group", action="append", metavar="NAME",
        help="take requests of this tag group only; may be given more than once (default: all, and intake)",
    )  # fmt: skip
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="worker processes (default: 1)"
    )
    parser.add_argument(
        "--threads", type=int, default=8, metavar="N", help="threads a process (default: 8)"
    )
    # One of the processes that the command starts; not for users.
    parser.add_argument("--one-process", action="store_true", help=argparse.SUPPRESS)


def main(arguments: argparse.Namespace) -> int:
    """Run workers until SIGTERM or SIGINT; returns the exit code."""
    settings = Settings.from_environ()
    logs.configure(settings.log, settings.log_level)
    check(settings)
    for option in ("processes", "threads"):
        if not 1 <= getattr(arguments, option) <= 256:
            raise InvalidInput(
                f"--{option}",
                [f"expected a number between 1 and 256, found {getattr(arguments, option)}"],
            )
    if arguments.one_process:
        # Imported here: prometheus_client looks at its environment when it is imported.
        from ..rabbit_worker import run

        return run(settings, groups=arguments.group, threads=arguments.threads)
    return _supervise(settings, arguments)


def check(settings: Settings) -> None:
    """Make sure that all addresses that a worker needs are set.

    Raises:
        BadSetting: One is missing.
    """
    for variable, value, expected in (
        ("TAGFLEET_AMQP_URL", settings.amqp_url, "the address of a RabbitMQ"),
        ("TAGFLEET_MONGODB_URL", settings.mongodb_url, "the address of a MongoDB"),
        (
            "TAGFLEET_STAGING_URL",
            settings.staging_url,
            "s3://bucket/prefix or a folder that the clusters see",
        ),
        ("TAGFLEET_ARCHIVE_URL", settings.archive_url, "s3://bucket/prefix or a folder"),
    ):
        if not value:
            raise BadSetting(variable, "", f"{expected} (`tagfleet up` needs none of these)")
    for name in unknown_variables(os.environ):
        log.warning(f"{name} is set, but nothing reads it.", extra={"action": "unknown-setting"})


def _supervise(settings: Settings, arguments: argparse.Namespace) -> int:
    command = worker_command("worker", "--one-process", "--threads", str(arguments.threads))
    for group in arguments.group or ():
        command += ["--group", group]
    log.info(
        f"Starting {arguments.processes} worker process(es) on {masked(settings.amqp_url or '')} "
        f"and {masked(settings.mongodb_url or '')}.",
        extra={"action": "starting"},
    )
    with tempfile.TemporaryDirectory(prefix="tagfleet-metrics-") as folder:
        exposition.prepare_multiprocess(Path(folder))
        with exposition.serving(settings.metrics_bind), until_stopped() as stopping:
            return supervise([command] * arguments.processes, stopping)
