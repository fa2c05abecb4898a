"""`tagfleet token`: create, list, revoke."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta

from ...models import tokens
from ...models.embedded_mongodb import database_for
from ...models.errors import InvalidInput
from ...models.printing import add_output, print_data, print_table
from ...models.roles import Role
from ...models.settings import Settings
from ...models.tokens import TokenDocument
from .rules_applied import user_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("create", help="make a token; it is printed once, and never again")
    verb.add_argument("--user", required=True, metavar="NAME", help="whom its holder acts as")
    verb.add_argument(
        "--role", required=True, choices=[str(role) for role in Role], help="what they may do"
    )
    verb.add_argument(
        "--days", type=float, metavar="N", help="valid for N days (default: until it is revoked)"
    )
    verb.add_argument("--note", metavar="TEXT", help="what it is for")
    verb.set_defaults(run=_create)
    verb = verbs.add_parser("list", help="show the tokens, without what is secret in them")
    add_output(verb)
    verb.set_defaults(run=_list)
    verb = verbs.add_parser("revoke", help="make a token invalid within a second")
    verb.add_argument("id", metavar="ID")
    verb.set_defaults(run=_revoke)


def main(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    with database_for(Settings.from_environ()):
        result: int = arguments.run(arguments)
    return result


def _create(arguments: argparse.Namespace) -> int:
    if arguments.days is not None and not 0 < arguments.days <= 36_500:
        raise InvalidInput(
            "--days", [f"expected more than 0 and at most 36500, found {arguments.days:g}"]
        )
    if not arguments.user.strip() or any(not letter.isprintable() for letter in arguments.user):
        raise InvalidInput("--user", [f"expected a name, found {arguments.user!r}"])
    made, token = tokens.create(
        arguments.user.strip(),
        Role.of(arguments.role),
        created_by=user_name(),
        lifetime=timedelta(days=arguments.days) if arguments.days else None,
        note=arguments.note,
    )
    until = f"until {made.expires:%Y-%m-%d %H:%M} UTC" if made.expires else "until it is revoked"
    print(
        f"Token {made.id}: {made.user} as {made.role}, valid {until}. It is not shown again:",
        file=sys.stderr,
    )
    # Alone on stdout, for `TOKEN=$(tagfleet token create ...)`.
    print(token)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    rows = [_row(each) for each in tokens.list_tokens()]
    if arguments.output == "table":
        print_table(rows, ["id", "user", "role", "state", "created", "expires", "used", "note"])
    else:
        print_data(rows, arguments.output)
    return 0


def _row(token: TokenDocument) -> dict[str, str | None]:
    times = {name: getattr(token, name) for name in ("created", "expires", "revoked", "used")}
    shown = {
        name: time.isoformat(timespec="seconds") if time else None for name, time in times.items()
    }
    return {
        "id": token.id,
        "user": token.user,
        "role": token.role,
        "state": token.state,
        "note": token.note,
        "createdBy": token.created_by,
        **shown,
    }


def _revoke(arguments: argparse.Namespace) -> int:
    news = tokens.revoke(arguments.id)
    print(f"Token {arguments.id} {'is' if news else 'was already'} revoked.")
    return 0
