"""The command line: `tagfleet`, or `python -m tagfleet`. The only module that knows both wings."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Final

from . import __version__
from .models.errors import TagfleetError

#: Each command: the module that has its `add_arguments` and its `main`, and what it is for.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": (
        ".producers.demo.command",
        "the whole way on this machine: catalog, Spark jobs, their output",
    ),
    "up": (".workers.embedded.command", "the whole fleet on this machine, until Ctrl-C"),
    "worker": (
        ".workers.commands.worker",
        "workers on a RabbitMQ and a MongoDB that run elsewhere",
    ),
    "api": (".producers.http.command", "the HTTP server: Genie's REST API, and our own"),
    "local-emr": (
        ".workers.local_emr.command",
        "the EMR API and S3 on this machine, running steps for real",
    ),
    "catalog": (
        ".producers.commands.catalog",
        "applications, commands and clusters: apply, get, export",
    ),
    "cluster": (
        ".producers.commands.cluster",
        "clusters: list, register, drain, resume, deregister",
    ),
    "job": (".producers.commands.job", "jobs: submit, get, list, wait, logs, kill, explain"),
    "dead-letters": (
        ".producers.commands.dead_letters",
        "messages that could not be used: list, show, replay, drop",
    ),
    "rules": (
        ".producers.commands.rules",
        "the admins' rule files: lint, test, explain; apply, diff, rollback, watch",
    ),
    "token": (
        ".producers.commands.token",
        "tokens of the HTTP server's callers: create, list, revoke",
    ),
    "audit": (".producers.commands.audit", "who changed what: list"),
    "resolve": (".routing_rules.command", "where a request would go, and why; offline"),
}

EXAMPLES = """\
examples:
  tagfleet demo                                     see the whole way in three minutes
  tagfleet up                                       a fleet on this machine
  tagfleet catalog apply -f catalog/                register clusters, commands, applications
  tagfleet job submit -f job.yaml --wait            run a job and follow it
  tagfleet resolve --catalog catalog/ --request job.yaml
"""


def main() -> int:
    """Run the command; returns its exit code (0 done, 1 failed, 2 bad input, 3 a service is away)."""
    parser = argparse.ArgumentParser(
        prog="tagfleet",
        description="A message-queue worker fleet for big-data jobs.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tagfleet {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in sys.argv[1:] if word in COMMANDS), None)
    for name, (module, purpose) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=purpose, description=purpose)
        # Only the command that is run is imported: the thin client has no modules for the others.
        if name == chosen:
            command = _load(module, name)
            command.add_arguments(subparser)
            subparser.set_defaults(main=command.main)
    arguments = parser.parse_args()
    try:
        exit_code: int = arguments.main(arguments)
    except TagfleetError as error:
        print(f"tagfleet: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has gone (`| head`): nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        away = _database_away(error)
        if away is None:
            raise
        print(f"tagfleet: {away}", file=sys.stderr)
        return away.exit_code
    return exit_code


def _database_away(error: Exception) -> TagfleetError | None:
    if "pymongo" not in sys.modules:
        return None  # the thin client knows no database
    from .models.database_errors import database_away

    return database_away(error)


def _load(module: str, name: str):  # type: ignore[no-untyped-def]
    try:
        return importlib.import_module(module, __package__)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("tagfleet"):
            raise
        extra = "local" if name in ("demo", "up", "local-emr") else "fleet"
        print(
            f"tagfleet: '{name}' needs {error.name}: pip install 'tagfleet[{extra}]'",
            file=sys.stderr,
        )
        sys.exit(2)


if __name__ == "__main__":
    sys.exit(main())
