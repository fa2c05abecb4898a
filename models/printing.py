"""How reading commands print: a table for people, JSON or YAML for programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

STYLES = ("table", "json", "yaml")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Give a command the option `--output`."""
    parser.add_argument(
        "-o",
        "--output",
        choices=STYLES,
        default="table",
        help="how to print (default: %(default)s)",
    )


def print_data(data: Any, style: str) -> None:
    """Print JSON data as JSON or YAML."""
    if style == "json":
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        # By way of JSON, which turns each subclass of a plain type into that type.
        plain = json.loads(json.dumps(data))
        print(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), end="")


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as a table: one line a row, a heading, columns as wide as they must be."""
    cells = [[column.upper() for column in columns]]
    cells += [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(str(part) for part in value) or "-"
    return " ".join(str(value).split())
