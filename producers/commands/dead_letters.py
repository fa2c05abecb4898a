"""`tagfleet dead-letters`: list, show, replay, drop."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from ...models.dead_letter_queue import DeadLetterQueue, Held
from ...models.dead_letters import Letter
from ...models.embedded_mongodb import database_for
from ...models.errors import Fatal, InvalidInput, PublishFailed, TagfleetError, Unroutable
from ...models.printing import add_output, print_data, print_table
from ...models.settings import Settings
from ..replay import CannotReplay, replay_of


class NoRabbitMq(Fatal):
    """There are no dead letters without a RabbitMQ."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            "TAGFLEET_AMQP_URL is not set: the embedded mode has no RabbitMQ, and so no dead letters; what it "
            "cannot take, it refuses at once. Set it to the RabbitMQ of the fleet."
        )


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


@dataclass(frozen=True, slots=True)
class _Selection:
    ids: frozenset[str]
    reason: str | None

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> _Selection:
        if [bool(arguments.ids), arguments.all, arguments.reason is not None].count(True) != 1:
            raise InvalidInput(
                f"dead-letters {arguments.verb}",
                ["expected ids, or --all, or --reason TEXT, and no two of them"],
            )
        return cls(frozenset(arguments.ids), arguments.reason)

    def has(self, letter: Letter) -> bool:
        if self.ids:
            return letter.id in self.ids
        return self.reason is None or self.reason.lower() in letter.reason.lower()

    def check_found(self, found: set[str]) -> None:
        if missing := sorted(self.ids - found):
            raise TagfleetError(
                f"No dead letter has the id {', '.join(missing)}. 'tagfleet dead-letters list' shows them."
            )


def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.limit is not None and arguments.limit < 1:
        raise InvalidInput("--limit", [f"expected 1 or more, found {arguments.limit}"])
    wanted = _Selection(frozenset(), arguments.reason)
    with _queue(settings) as queue:
        rows = [
            held.letter.row() for held in queue.letters(arguments.limit) if wanted.has(held.letter)
        ]
    if arguments.output == "table":
        print_table(rows, ["id", "time", "queue", "jobId", "user", "deliveries", "reason"])
    else:
        print_data(rows, arguments.output)
    return 0


def _show(settings: Settings, arguments: argparse.Namespace) -> int:
    wanted = _Selection(frozenset([arguments.id]), None)
    with _queue(settings) as queue:
        letter = next((held.letter for held in queue.letters() if wanted.has(held.letter)), None)
    if letter is None:
        wanted.check_found(set())
        return 1
    found = letter.whole()
    if arguments.output != "table":
        print_data(found, arguments.output)
        return 0
    for name, value in found.items():
        print(f"{name:<12}  {value}")
    return 0


def _replay(settings: Settings, arguments: argparse.Namespace) -> int:
    wanted = _Selection.of(arguments)
    database = (
        nullcontext() if arguments.new_id else database_for(settings, of_a_running_fleet=True)
    )
    with database, _queue(settings) as queue:
        done = list(_each(queue, wanted, lambda held: _sent_on(queue, held, arguments.new_id)))
    return _report(done, wanted, arguments)


def _sent_on(queue: DeadLetterQueue, held: Held, new_id: bool) -> dict[str, Any]:
    try:
        replay = replay_of(held.letter, new_id=new_id)
        queue.send_on(
            held,
            exchange=replay.exchange,
            routing_key=replay.routing_key,
            message_id=replay.message_id,
            body=replay.body,
        )
    except (CannotReplay, PublishFailed, Unroutable) as error:
        return {"result": "kept", "jobId": held.letter.job_id, "detail": str(error)}
    where = f"to {replay.exchange or 'the queue'} {replay.routing_key}".strip()
    return {"result": "replayed", "jobId": replay.job_id, "detail": where}


def _drop(settings: Settings, arguments: argparse.Namespace) -> int:
    wanted = _Selection.of(arguments)
    if not arguments.yes:
        wanted = _confirmed(settings, wanted)

    def dropped(held: Held) -> dict[str, Any]:
        queue.settle(held)
        return {"result": "dropped", "jobId": held.letter.job_id, "detail": held.letter.reason}

    with _queue(settings) as queue:
        done = list(_each(queue, wanted, dropped))
    return _report(done, wanted, arguments)


def _confirmed(settings: Settings, wanted: _Selection) -> _Selection:
    """The letters that the user has agreed to drop: none of those that come meanwhile."""
    if not sys.stdin.isatty():
        raise InvalidInput("dead-letters drop", ["nobody is there to be asked: add --yes"])
    with _queue(settings) as queue:
        found = {held.letter.id for held in queue.letters() if wanted.has(held.letter)}
    wanted.check_found(found)
    if not found:
        raise TagfleetError("There is no such dead letter: nothing was dropped.")
    print(f"Drop {len(found)} dead letters for good? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise TagfleetError("Nothing was dropped.")
    return _Selection(frozenset(found), None)


def _each(
    queue: DeadLetterQueue, wanted: _Selection, work: Callable[[Held], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for held in queue.letters():
        if wanted.has(held.letter):
            yield {"id": held.letter.id, **work(held)}


def _report(done: list[dict[str, Any]], wanted: _Selection, arguments: argparse.Namespace) -> int:
    if arguments.output == "table":
        print_table(done, ["id", "result", "jobId", "detail"])
    else:
        print_data(done, arguments.output)
    wanted.check_found({row["id"] for row in done})
    return int(any(row["result"] == "kept" for row in done))


def _queue(settings: Settings) -> DeadLetterQueue:
    assert settings.amqp_url
    return DeadLetterQueue(settings.amqp_url)
