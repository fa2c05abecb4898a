"""`tagfleet dead-letters`: list, show, replay, drop."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext

from ...models.embedded_mongodb import database_for
from ...models.errors import InvalidInput, TagfleetError
from ...models.printing import add_output, print_data, print_table
from ...models.settings import Settings
from .. import dead_letters
from ..dead_letters import NoRabbitMq, Outcome, Selection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("list", help="show the letters, oldest first")
    verb.add_argument("--reason", metavar="TEXT", help="only those whose reason has this text")
    verb.add_argument("--limit", type=int, metavar="N", help="look at the N oldest letters only")
    add_output(verb)
    verb.set_defaults(run=_list)
    verb = verbs.add_parser("show", help="show one letter whole")
    verb.add_argument("id", metavar="ID")
    add_output(verb)
    verb.set_defaults(run=_show)
    verb = verbs.add_parser("replay", help="send letters back to where they came from")
    _add_selection(verb)
    verb.add_argument(
        "--new-id", action="store_true", help="make each request a new job, with an id of its own"
    )
    add_output(verb)
    verb.set_defaults(run=_replay)
    verb = verbs.add_parser("drop", help="delete letters")
    _add_selection(verb)
    verb.add_argument("--yes", action="store_true", help="do not ask")
    add_output(verb)
    verb.set_defaults(run=_drop)


def main(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    settings = Settings.from_environ()
    if not settings.amqp_url:
        raise NoRabbitMq
    result: int = arguments.run(settings, arguments)
    return result


def _add_selection(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("ids", nargs="*", metavar="ID")
    verb.add_argument("--all", action="store_true", help="every letter")
    verb.add_argument("--reason", metavar="TEXT", help="every letter whose reason has this text")


def _selection(arguments: argparse.Namespace) -> Selection:
    if [bool(arguments.ids), arguments.all, arguments.reason is not None].count(True) != 1:
        raise InvalidInput(
            f"dead-letters {arguments.verb}",
            ["expected ids, or --all, or --reason TEXT, and no two of them"],
        )
    return Selection(frozenset(arguments.ids), arguments.reason)


def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.limit is not None and arguments.limit < 1:
        raise InvalidInput("--limit", [f"expected 1 or more, found {arguments.limit}"])
    wanted = Selection(reason=arguments.reason)
    rows = [letter.row() for letter in dead_letters.listed(settings, wanted, arguments.limit)]
    if arguments.output == "table":
        print_table(rows, ["id", "time", "queue", "jobId", "user", "deliveries", "reason"])
    else:
        print_data(rows, arguments.output)
    return 0


def _show(settings: Settings, arguments: argparse.Namespace) -> int:
    found = dead_letters.show(settings, arguments.id).whole()
    if arguments.output != "table":
        print_data(found, arguments.output)
        return 0
    for name, value in found.items():
        print(f"{name:<12}  {value}")
    return 0


def _replay(settings: Settings, arguments: argparse.Namespace) -> int:
    wanted = _selection(arguments)
    database = (
        nullcontext() if arguments.new_id else database_for(settings, of_a_running_fleet=True)
    )
    with database:
        done = dead_letters.replay(settings, wanted, new_id=arguments.new_id)
    return _report(done, wanted, arguments)


def _drop(settings: Settings, arguments: argparse.Namespace) -> int:
    wanted = _selection(arguments)
    if not arguments.yes:
        wanted = _confirmed(settings, wanted)
    return _report(dead_letters.drop(settings, wanted), wanted, arguments)


def _confirmed(settings: Settings, wanted: Selection) -> Selection:
    """The letters that the user has agreed to drop: none of those that come meanwhile."""
    if not sys.stdin.isatty():
        raise InvalidInput("dead-letters drop", ["nobody is there to be asked: add --yes"])
    found = {letter.id for letter in dead_letters.listed(settings, wanted)}
    wanted.check_found(found)
    if not found:
        raise TagfleetError("There is no such dead letter: nothing was dropped.")
    print(f"Drop {len(found)} dead letters for good? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise TagfleetError("Nothing was dropped.")
    return Selection(frozenset(found))


def _report(done: list[Outcome], wanted: Selection, arguments: argparse.Namespace) -> int:
    rows = [outcome.row() for outcome in done]
    if arguments.output == "table":
        print_table(rows, ["id", "result", "jobId", "detail"])
    else:
        print_data(rows, arguments.output)
    wanted.check_found({outcome.id for outcome in done})
    return int(any(outcome.result == "kept" for outcome in done))
