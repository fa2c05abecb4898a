"""Versions of the rules: whole, in their order, one in force."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.database import Database

from tagfleet.models import rule_sets
from tagfleet.models.rule_sets import NoRuleSet, RuleSetConflict

Rows = Database[dict[str, Any]]
TEXTS = {"b.yaml": b"version: 1\n", "a.yaml": "# grün\n".encode()}


def apply(before: int, digest: str = "d", note: str | None = None) -> int:
    return rule_sets.put_in_force(TEXTS, digest, applied_by="ana", note=note, replaces=before)


def test_where_none_was_applied_none_is_in_force(mongodb: Rows) -> None:
    assert rule_sets.version_in_force() == 0
    assert rule_sets.in_force() is None


def test_what_is_applied_is_in_force_with_its_files_in_their_order(mongodb: Rows) -> None:
    assert apply(0, note="first") == 1
    found = rule_sets.in_force()
    assert found is not None
    assert list(found.texts().items()) == list(TEXTS.items())
    assert (found.version, found.applied_by, found.note) == (1, "ana", "first")


def test_versions_are_counted_and_kept(mongodb: Rows) -> None:
    assert [apply(0, "x"), apply(1, "y"), apply(2, "x")] == [1, 2, 3]
    assert [each.version for each in rule_sets.history()] == [3, 2, 1]
    assert rule_sets.get(2).digest == "y"
    found = rule_sets.by_digest("x")
    assert found is not None
    assert found.version == 3


def test_who_compared_with_another_version_is_refused(mongodb: Rows) -> None:
    apply(0)
    apply(1)
    for before in (0, 1):
        with pytest.raises(RuleSetConflict, match="somebody else applied rules"):
            apply(before)
    assert rule_sets.version_in_force() == 2


def test_a_version_that_never_came_in_force_is_no_hindrance(mongodb: Rows) -> None:
    # Given one whose writer died before it was put in force
    apply(0)
    mongodb["rule_sets"].insert_one({**(mongodb["rule_sets"].find_one() or {}), "_id": 2})
    # Then the next one has another number
    assert apply(1) == 3
    assert rule_sets.version_in_force() == 3


def test_a_version_that_is_not_there_is_named(mongodb: Rows) -> None:
    with pytest.raises(NoRuleSet, match="no version 7"):
        rule_sets.get(7)
