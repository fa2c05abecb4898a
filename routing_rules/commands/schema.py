"""`tagfleet rules schema`: the JSON schema by which editors check and complete rule files."""

from __future__ import annotations

import argparse
import json

from ..rule_files.json_schema import rules_schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has no arguments."""


def main(args: argparse.Namespace) -> int:
    """Print the schema."""
    print(json.dumps(rules_schema(), indent=2, ensure_ascii=False))
    return 0
