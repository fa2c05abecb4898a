"""`tagfleet rules explain`: what becomes of a request, rule by rule, and why."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from marshmallow import ValidationError

from ...models.errors import InvalidInput
from ..catalog_files import read_catalog
from ..decide import Outcome, decide
from ..decision_text import decision_data, render_decision
from ..limits import IDLE, Usage
from ..positions import read_file
from ..printing import add_output, print_data
from ..request_files import read_request
from ..rule_files.reader import read_rules
from ..rule_files.usage import UsageSchema
from .paths import rule_paths

#: The seed of a request that has no id: the same files give the same answer each time.
_SEED_WITHOUT_ID: Final = "0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `tagfleet rules explain`."""
    parser.add_argument(
        "--request", metavar="FILE", type=Path, required=True, help="the job request"
    )
    parser.add_argument(
        "--rules",
        metavar="PATH",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="rule files and folders (default: TAGFLEET_RULES, or the built-in rules)",
    )
    parser.add_argument(
        "--catalog",
        metavar="PATH",
        type=Path,
        nargs="+",
        action="extend",
        help="files and folders with the catalog; without it, no cluster is looked for",
    )
    parser.add_argument("--usage", metavar="FILE", type=Path, help="how full the fleet is")
    parser.add_argument(
        "--at", metavar="TIME", type=_moment, help="2026-12-24T00:00:00Z (default: now)"
    )
    parser.add_argument(
        "--seed", metavar="N", help="decides what is left to chance (default: the request's id)"
    )
    parser.add_argument(
        "--group",
        metavar="NAME",
        help="the tag group whose queue the producer chose (default: as the rules say)",
    )
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Run the command; 0: the request is let in, now or later, 1: it is not.

    Raises:
        InvalidInput: The rules, the catalog, the request or the usage is refused.
    """
    request, has_id = read_request(args.request)
    rules = read_rules(rule_paths(args.rules)).rules
    if args.group is not None and args.group not in rules.groups:
        groups = ", ".join(rules.names)
        raise InvalidInput("--group", [f"no tag group {args.group!r}: expected one of {groups}"])
    decision = decide(
        request,
        rules,
        read_catalog(args.catalog).snapshot() if args.catalog else None,
        usage=_read_usage(args.usage) if args.usage else IDLE,
        moment=args.at or datetime.now(UTC),
        seed=args.seed or (request.id if has_id else _SEED_WITHOUT_ID),
        tag_group=args.group,
    )
    print_data(decision_data(decision), args.output, render_decision)
    return 0 if decision.outcome in (Outcome.ROUTED, Outcome.HELD) else 1


def _read_usage(path: Path) -> Usage:
    found = IDLE
    for document in read_file(path):
        try:
            found = UsageSchema().load(document.data)
        except ValidationError as error:
            raise InvalidInput("usage", document.problems(error)) from error
    return found


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
