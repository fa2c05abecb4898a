"""`tagfleet rules test`: runs the tests of rule files."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path

from ..files import files_of
from ..rule_tests.cases import WHAT
from ..rule_tests.run import Result, run_tests
from .reports import FORMATS, Problem, Severity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `tagfleet rules test`."""
    parser.add_argument("files", metavar="FILE", type=Path, nargs="+", help="files with tests")
    parser.add_argument("--format", choices=[*FORMATS], default="text")


def main(args: argparse.Namespace) -> int:
    """Run the command; 0: all is as expected, 1: something is not.

    Raises:
        InvalidInput: A file of tests, or one that it names, is refused.
    """
    results = [result for file in files_of(args.files, WHAT) for result in run_tests(file)]
    failed = [result for result in results if result.problems]
    if args.format == "text":
        _print_text(results, failed)
    else:
        problems = [Problem.of(Severity.ERROR, text) for each in failed for text in each.problems]
        print(FORMATS[args.format](problems))
    return 1 if failed else 0


def _print_text(results: Sequence[Result], failed: Sequence[Result]) -> None:
    for result in failed:
        print("\n".join(result.problems))
        print(textwrap.indent(result.explanation, "    "))
    print(f"{len(results) - len(failed)} of {len(results)} tests passed.")
