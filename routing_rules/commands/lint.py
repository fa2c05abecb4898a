"""`tagfleet rules lint`: what is wrong with rule files, and what is odd about them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...models.errors import InvalidInput
from ...models.snapshot import CatalogSnapshot
from ..catalog_files import read_catalog
from ..files import files_of
from ..rule_files.against_catalog import missing_in_catalog
from ..rule_files.oddities import oddities, summary
from ..rule_files.reader import WHAT, read_rules
from .paths import rule_paths
from .reports import FORMATS, Problem, Severity, in_order


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `tagfleet rules lint`."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        type=Path,
        nargs="*",
        help="rule files and folders, together one set (default: TAGFLEET_RULES, or the built-in rules)",
    )
    parser.add_argument(
        "--catalog",
        metavar="PATH",
        type=Path,
        nargs="+",
        action="extend",
        help="look also for tags and clusters that the catalog in these files has not",
    )
    parser.add_argument("--format", choices=[*FORMATS], default="text")
    parser.add_argument("--strict", action="store_true", help="warnings count as errors")


def main(args: argparse.Namespace) -> int:
    """Run the command; 0: nothing is wrong, 1: something is.

    Raises:
        InvalidInput: A path does not exist, or the catalog is refused.
    """
    paths = rule_paths(args.paths)
    if paths:
        files_of(paths, WHAT)
    catalog = read_catalog(args.catalog).snapshot() if args.catalog else None
    problems = in_order(_problems(paths, catalog))
    if problems or args.format == "json":
        print(FORMATS[args.format](problems))
    elif args.format == "text":
        print(f"No problems: {summary(read_rules(paths).rules)}.")
    failing = {Severity.ERROR, Severity.WARNING} if args.strict else {Severity.ERROR}
    return 1 if any(problem.severity in failing for problem in problems) else 0


def _problems(paths: Sequence[Path], catalog: CatalogSnapshot | None) -> Iterator[Problem]:
    try:
        files = read_rules(paths)
    except InvalidInput as error:
        yield from (Problem.of(Severity.ERROR, text) for text in error.problems)
        return
    warnings = [*oddities(files)]
    if catalog is not None:
        warnings += missing_in_catalog(files, catalog)
    yield from (Problem.of(Severity.WARNING, text) for text in warnings)
