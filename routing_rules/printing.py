"""Prints what a command found, as data or as a text to read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml


def add_output(parser: argparse.ArgumentParser) -> None:
    """Declare the argument that says in which form."""
    parser.add_argument(
        "-o",
        "--output",
        choices=["table", "json", "yaml"],
        default="table",
        help="a text to read, or data (default: %(default)s)",
    )


def print_data(
    data: Mapping[str, Any], output: str, text: Callable[[Mapping[str, Any]], str]
) -> None:
    """Print the data as JSON or YAML, or what `text` makes of it."""
    if output == "json":
        print(json.dumps(data, indent=2, ensure_ascii=False))
    elif output == "yaml":
        # By way of JSON, which turns each subclass of a plain type into that type.
        plain = json.loads(json.dumps(data))
        print(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), end="")
    else:
        print(text(data))
