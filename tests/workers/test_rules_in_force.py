"""The rules of a process: taken up within a second, whole, and never a broken set."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pymongo.database import Database

from tagfleet.models import rule_sets
from tagfleet.routing_rules.in_force import digest_of
from tagfleet.workers import rules_in_force
from tagfleet.workers.rules_in_force import RulesInForce

Rows = Database[dict[str, Any]]


def texts(name: str) -> dict[str, bytes]:
    """Rules in which one name stands in every place."""
    route = f"{{name: {name}, queue: {name}, pool: {name}}}"
    pool = f"{{{name}: {{strategy: random}}}}"
    return {
        "r.yaml": f"version: 1\nqueues: {{{name}: }}\npools: {pool}\nroutes: [{route}]".encode()
    }


def apply(files: dict[str, bytes]) -> int:
    before = rule_sets.version_in_force()
    return rule_sets.put_in_force(
        files, digest_of(files), applied_by="a", note=None, replaces=before
    )


@pytest.fixture(autouse=True)
def _looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_in_force, "RULES_SECONDS", 0.0)


def test_until_some_are_applied_the_files_hold(mongodb: Rows) -> None:
    rules = RulesInForce()
    assert rules.now().version is None
    assert rules.now().rules.names == ("sla", "adhoc", "default")
    apply(texts("a"))
    assert (rules.now().version, rules.now().rules.names) == (1, ("a",))


def test_what_cannot_be_read_leaves_the_set_before_in_force(
    mongodb: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a set of a newer fleet's grammar
    apply(texts("a"))
    rules = RulesInForce()
    assert rules.now().version == 1
    apply({"r.yaml": b"version: 99"})
    # Then it is told once, and what was there stays
    for _ in range(3):
        assert (rules.now().version, rules.now().rules.names) == (1, ("a",))
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    # And what is good again is taken up
    apply(texts("b"))
    assert rules.now().rules.names == ("b",)


def test_each_decision_sees_one_whole_set(mongodb: Rows) -> None:
    # Given threads that look without a pause
    rules, mixed, seen, stopping = RulesInForce(), list[object](), set[str](), threading.Event()
    apply(texts("first"))

    def look() -> None:
        while not stopping.is_set():
            found = rules.now()
            (group,) = found.rules.names
            names = {group, *found.rules.pools, *(each.name for each in found.rules.routes)}
            seen.add(group)
            if len(names) > 1 or found.digest != digest_of(texts(group)):
                mixed.append(found)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    # When many sets are applied
    for number in range(30):
        apply(texts(f"set-{number}"))
    # Then none of them was seen in part
    while "set-29" not in seen:
        assert any(thread.is_alive() for thread in threads)
    stopping.set()
    for thread in threads:
        thread.join()
    assert mixed == []
    assert len(seen) > 3
