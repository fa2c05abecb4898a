"""`tagfleet audit`: list."""

from __future__ import annotations

import argparse
import json

from ...models import audit
from ...models.embedded_mongodb import database_for
from ...models.errors import InvalidInput
from ...models.printing import add_output, print_data, print_table
from ...models.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("list", help="show what was done, the latest first")
    verb.add_argument("--who", metavar="NAME", help="by this user only")
    verb.add_argument("--action", metavar="NAME", help="only this: clusters.change, job.kill, ...")
    verb.add_argument("--subject", metavar="ID", help="only to what has this id")
    verb.add_argument("--limit", type=int, default=50, metavar="N", help="(default: 50)")
    add_output(verb)
    verb.set_defaults(run=_list)


def main(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    if arguments.limit < 1:
        raise InvalidInput("--limit", [f"expected 1 or more, found {arguments.limit}"])
    with database_for(Settings.from_environ()):
        result: int = arguments.run(arguments)
    return result


def _list(arguments: argparse.Namespace) -> int:
    found = audit.list_records(
        who=arguments.who,
        action=arguments.action,
        subject=arguments.subject,
        limit=arguments.limit,
    )
    rows = [each.row() for each in found]
    if arguments.output == "table":
        shown = [row | {name: _short(row[name]) for name in ("before", "after")} for row in rows]
        print_table(shown, ["time", "who", "means", "action", "subject", "before", "after"])
    else:
        print_data(rows, arguments.output)
    return 0


def _short(found: object) -> str | None:
    return json.dumps(found)[:60] if found is not None else None
