"""`tagfleet rules`: what needs files alone, and what puts them in force in a fleet."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from ...models.settings import Settings
from ...routing_rules.commands import rules as offline
from . import simulate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    offline.add_verbs(verbs)
    purpose = "what other rules, or another catalog, would do with past jobs"
    verb = verbs.add_parser("simulate", help=purpose, description=purpose)
    simulate.add_arguments(verb)
    verb.set_defaults(run_offline=simulate.main)
    if find_spec("mongoengine") is None:
        return  # the thin client: files alone, as in a repository's checks
    from . import rules_applied, rules_canary, rules_watch

    rules_applied.add_verbs(verbs)
    rules_watch.add_verb(verbs)
    rules_canary.add_verb(verbs)


def main(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    if hasattr(arguments, "run_offline"):
        return offline.main(arguments)
    result: int = arguments.run(Settings.from_environ(), arguments)
    return result
