"""The arguments of `tagfleet rules simulate`."""

from __future__ import annotations

import argparse
import math
from datetime import UTC, datetime
from pathlib import Path

from ...routing_rules.simulate.tally import CONDITIONS

DAYS = 7.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.epilog = "--fail-on: " + "; ".join(
        f"{name}: a job {CONDITIONS[name]}" for name in CONDITIONS
    )
    _add_jobs(parser.add_argument_group("jobs"))
    _add_rules(parser.add_argument_group("rules"))
    _add_catalog(parser.add_argument_group("catalog"))
    _add_output(parser.add_argument_group("output"))


def _add_jobs(group: argparse._ArgumentGroup) -> None:
    # A parser's group cannot have a group of its own: the two are told apart in the help alone.
    group.add_argument(
        "--days", type=_days, default=DAYS, metavar="N",
        help="the jobs of the last N days from MongoDB (default: 7)",
    )  # fmt: skip
    group.add_argument(
        "--jobs", type=Path, metavar="FILE",
        help="JSON lines or an array instead: requests, or jobs as `job list --output json` gives them",
    )  # fmt: skip
    group.add_argument(
        "--save-jobs", type=Path, metavar="FILE",
        help="write the jobs from MongoDB to a file for --jobs, without arguments and environment",
    )  # fmt: skip
    group.add_argument(
        "--at", type=_moment, metavar="TIME",
        help="when requests without a time are taken to be sent (default: now)",
    )  # fmt: skip
    group.add_argument(
        "--all-by-rules", action="store_true",
        help="let the rules choose each job's tag group, also where its producer did",
    )  # fmt: skip


def _add_rules(group: argparse._ArgumentGroup) -> None:
    candidate = group.add_mutually_exclusive_group()
    candidate.add_argument(
        "--rules", type=Path, nargs="+", action="extend", default=[], metavar="PATH",
        help="the rules after the change, files and folders (default: those before it)",
    )  # fmt: skip
    candidate.add_argument(
        "--version", type=int, metavar="N", help="the rules that were applied as version N instead"
    )
    group.add_argument(
        "--against", metavar="PATH|N",
        help="the rules before the change (default: those in force)",
    )  # fmt: skip


def _add_catalog(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--catalog", type=Path, nargs="+", action="extend", default=[], metavar="FILE",
        help="the catalog after the change, files and folders (default: the one before it)",
    )  # fmt: skip
    group.add_argument(
        "--against-catalog", type=Path, nargs="+", action="extend", default=[], metavar="FILE",
        help="the catalog before the change (default: the one in force; without a database, --catalog)",
    )  # fmt: skip
    group.add_argument(
        "--move-tags", action="append", default=[], metavar="TAG,...=FROM:TO",
        help="move tags from one cluster to another",
    )  # fmt: skip
    group.add_argument(
        "--drain", action="append", default=[], metavar="CLUSTER",
        help="let a cluster take no more jobs",
    )  # fmt: skip
    group.add_argument("--add-tags", action="append", default=[], metavar="CLUSTER:TAG,...")
    group.add_argument("--remove-tags", action="append", default=[], metavar="CLUSTER:TAG,...")


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-o", "--output", choices=("table", "json", "html"), default="table",
        help="a table to read, data, or a page with charts (default: table)",
    )  # fmt: skip
    group.add_argument(
        "--to", type=Path, metavar="FILE", help="write there instead of to the terminal"
    )
    group.add_argument(
        "--fail-on", choices=[*CONDITIONS], nargs="+", action="extend", default=[],
        metavar="CONDITION", help=f"exit with 1 if it holds for any job: {', '.join(CONDITIONS)}",
    )  # fmt: skip


def _days(text: str) -> float:
    days = float(text)
    if not 0 < days < math.inf or days > 36_500:
        raise argparse.ArgumentTypeError(f"expected a number of days above 0, found {text}")
    return days


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
