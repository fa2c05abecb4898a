"""Sets of rules for the tests, written as admins write them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tagfleet.models.errors import InvalidInput
from tagfleet.routing_rules.rule_files.oddities import oddities
from tagfleet.routing_rules.rule_files.reader import read_rules
from tagfleet.routing_rules.rules import RuleSet

#: A Wednesday.
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)

#: What a set of rules needs at least.
LEAST = "queues: {q: }\nroutes: [{name: all, queue: q}]\n"


def rules_of(text: str) -> RuleSet:
    """The rules of a text; `version: 1` is added."""
    with _file(text) as path:
        return read_rules([path]).rules


def problems_of(text: str) -> list[str]:
    """What is wrong with a text, without the file's name."""
    with _file(text) as path, pytest.raises(InvalidInput) as caught:
        read_rules([path])
    return [each.removeprefix(f"{path}:") for each in caught.value.problems]


def oddities_of(text: str) -> list[str]:
    """What is odd about a text, without the file's name."""
    with _file(text) as path:
        return [each.removeprefix(f"{path}:") for each in oddities(read_rules([path]))]


@contextmanager
def _file(text: str) -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "rules.yaml")
        path.write_text("version: 1\n" + textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        yield path
