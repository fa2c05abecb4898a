"""`tagfleet rules`: lint, test, explain, schema; by files alone, no broker and no database."""

from __future__ import annotations

import argparse
from types import ModuleType
from typing import Any, Final

from . import explain, lint, schema, test

_COMMANDS: Final[dict[str, tuple[ModuleType, str]]] = {
    "lint": (lint, "what is wrong with rule files, and what is odd about them"),
    "test": (test, "run the tests of rule files"),
    "explain": (explain, "what becomes of a request, rule by rule, and why"),
    "schema": (schema, "the JSON schema for editors"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands and their arguments."""
    add_verbs(parser.add_subparsers(metavar="COMMAND", required=True))


def add_verbs(verbs: Any) -> None:
    """Declare them beside others."""
    for name, (module, purpose) in _COMMANDS.items():
        command = verbs.add_parser(name, help=purpose, description=purpose)
        module.add_arguments(command)
        command.set_defaults(run_offline=module.main)


def main(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code.

    Raises:
        InvalidInput: What it was given cannot be read.
    """
    exit_code: int = args.run_offline(args)
    return exit_code
