"""What is no error in rules, but hardly meant."""

from __future__ import annotations

import pytest

from .rule_samples import LEAST, oddities_of

BASE = """
queues: {q: }
sets: {bots: ["svc-*", cron]}
windows: {day: {hours: "08:00-18:00"}}
"""


def routes(*matches: str) -> str:
    """Routes with these matches, the windows used, and a catch-all."""
    lines = [f"  - {{name: r{at}, {match}queue: q}}\n" for at, match in enumerate(matches)]
    used = "  - {name: used, match: {user: $bots}, when: day, queue: q}\n"
    return BASE + "routes:\n" + used + "".join(lines) + "  - {name: rest, queue: q}\n"


def test_rules_without_anything_odd() -> None:
    assert oddities_of(LEAST) == []
    assert oddities_of(routes("match: {user: ana}, ", "match: {user: bo}, ")) == []


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("match: {user: ana}, ", "match: {user: ana}, "),
        ("match: {user: [ana, bo]}, ", "match: {user: bo, name: x}, "),
        ("match: {user: 'a*'}, ", "match: {user: [ana, 'ab*']}, "),
        ("match: {user: $bots}, ", "match: {user: [cron, svc-etl]}, "),
        ("match: {user: {none: ana}}, ", "match: {user: {none: [ana, bo]}}, "),
        ("match: {user: {none: ana}}, ", "match: {user: bo}, "),
        ("match: {tags: a}, ", "match: {tags: [a, b]}, "),
        ("match: {cluster_tags: {any: [a, b]}}, ", "match: {cluster_tags: [c, a]}, "),
        ("match: {tags: {none: a}}, ", "match: {tags: {none: [b, a]}}, "),
        ("match: {user: ana}, ", "match: {user: ana}, when: day, "),
        ("when: day, ", "match: {user: ana}, when: [day], "),
    ],
)
def test_a_route_that_another_one_hides(wide: str, narrow: str) -> None:
    [told] = oddities_of(routes(wide, narrow))
    assert told == (
        "8:12: routes[2].name: never reached: all that it would take is taken by 'r0' before"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("match: {user: ana}, ", "match: {user: [ana, bo]}, "),
        ("match: {user: ana}, ", "match: {name: ana}, "),
        ("match: {user: ana}, when: day, ", "match: {user: ana}, "),
        ("match: {user: ana}, when: day, ", "match: {user: ana}, when: '!day', "),
        ("match: {user: ana}, disabled: true, ", "match: {user: ana}, "),
        ("match: {user: 'a?'}, ", "match: {user: 'a*'}, "),
        ("match: {user: {none: ana}}, ", "match: {user: 'a*'}, "),
        ("match: {tags: [a, b]}, ", "match: {tags: a}, "),
        ("match: {tags: {any: [a]}}, ", "match: {tags: {any: [a, b]}}, "),
        ("match: {tags: {none: a}}, ", "match: {tags: b}, "),
    ],
)
def test_a_route_that_still_has_something_to_take(first: str, second: str) -> None:
    assert oddities_of(routes(first, second)) == []


def test_what_is_denied_is_not_routed() -> None:
    text = LEAST.replace("routes: [", "routes: [{name: ana, match: {user: ana}, queue: q}, ")
    text += "deny: [{name: out, match: {user: 'a*'}, reason: no}]"
    assert oddities_of(text) == [
        "3:17: routes[0].name: never reached: all that it would take is denied by 'out' before"
    ]


def test_routes_that_do_not_take_everything() -> None:
    expected = "the last route is no catch-all: a request that no route takes is refused"
    for match in ("match: {user: ana}, ", "disabled: true, "):
        text = LEAST.replace("name: all, ", f"name: all, {match}")
        assert oddities_of(text) == [f"3:17: routes[0].name: {expected}"]


def test_a_rule_that_excludes_what_it_asks_for() -> None:
    text = "overrides: [{name: o, match: {tags: {all: [a, b], none: ['b*']}}, set: {cpu: 2}}]"
    assert oddities_of(LEAST + text) == [
        "4:20: overrides[0].name: never applies: it excludes what it asks for"
    ]


def test_what_nothing_refers_to() -> None:
    text = """
        sets: {s: [x]}
        windows: {w: {days: mon}}
        queues: {q: , other: }
        pools: {p: {strategy: random, fallback: f}, f: {strategy: random}}
        routes: [{name: all, queue: q}]
        """.replace("days: mon", "days: [mon]")
    assert oddities_of(text) == [
        "2:8: sets.s: nothing refers to this set",
        "3:11: windows.w: nothing refers to this window",
        "4:15: queues.other: no route leads to this queue",
        "5:9: pools.p: no route and no other pool leads to this pool",
    ]


def test_a_target_that_is_given_twice() -> None:
    text = """
        queues: {q: }
        pools: {p: {strategy: random, targets: [{tags: [a, b]}, {tags: [b, a]}]}}
        routes: [{name: all, queue: q, pool: p}]
        """
    assert oddities_of(text) == ["3:57: pools.p.targets[1]: the pool has the target a, b already"]
