"""What is wrong with a rule file is told with its place and what may have been meant."""

from __future__ import annotations

import pytest

from .rule_samples import LEAST, problems_of


def place(problem: str) -> tuple[int, int]:
    """Line and column of a problem."""
    line, column, _ = problem.split(":", 2)
    return int(line), int(column)


def test_every_problem_is_named_with_its_place() -> None:
    # Given a file with one mistake a line (`version` is its first)
    text = """\
        sets: {bots: [svc], odd: []}
        windows:
          freeze: {from: "2026-12-24T00:00:00Z", to: "2026-12-23T00:00:00Z"}
          never: {days: [mo]}
          nowhere: {timezone: Europe/Amsterdamm, hours: "8-18"}
        queues: {etl: {max_queued: 0}, "Ad hoc": }
        pools:
          sla:
            stratgy: weighted
          any: {strategy: least_loaded, sticky_by: name, targets: [{tags: [x], weight: 3}]}
        deny: [{name: freeze, match: {cluster_tags: {all: [a, $bot]}}, when: freezes, reason: no}]
        defaults: [{name: time, set: {timeout: 4 hours, environment: {GENIE_TZ: UTC}}}]
        routes:
          - {name: sla-etl, match: {users: $bots}, when: "!freeze", queue: elt, pool: sal}
        limits: [{name: per-user, per: usr, rate: 60/mn, on_exceed: hod}]
        """
    # When / Then
    assert sorted(problems_of(text), key=place) == [
        "2:26: sets.odd: expected a list of texts",
        "4:46: windows.freeze.to: it ends before it begins",
        "5:18: windows.never.days[0]: not a day: 'mo' (mon, tue, wed, thu, fri, sat, sun)",
        "6:23: windows.nowhere.timezone: no such time zone: 'Europe/Amsterdamm' (or this machine has no tz database)",
        "6:49: windows.nowhere.hours: not hours of a day: '8-18' (08:00-18:00)",
        "7:28: queues.etl.max_queued: Must be greater than or equal to 1 and less than or equal to 10000000",
        "7:42: queues.Ad hoc: 'Ad hoc' is not a queue's name: expected lower-case letters, digits, - and _, 64 of them at most",
        "10:5: pools.sla.strategy: Missing data for required field",
        "10:5: pools.sla.stratgy: unknown field, did you mean 'strategy'?",
        "11:44: pools.any.sticky_by: jobs cannot stay where the load is least",
        "12:55: deny[0].match.cluster_tags.all[1]: no such set: 'bot', did you mean 'bots'?",
        "12:70: deny[0].when: no such window: 'freezes', did you mean 'freeze'?",
        "13:40: defaults[0].set.timeout: not a length of time: '4 hours' (90s, 15m, 4h, 1d12h)",
        "13:73: defaults[0].set.environment.GENIE_TZ: not a variable's name, or reserved: expected letters, digits and _, and no GENIE_ name",
        "15:29: routes[0].match.users: unknown field, did you mean 'user'?",
        "15:68: routes[0].queue: no such queue: 'elt', did you mean 'etl'?",
        "15:79: routes[0].pool: no such pool: 'sal', did you mean 'sla'?",
        "16:32: limits[0].per: Must be one of: user, tenant, queue, global",
        "16:43: limits[0].rate: not a rate: '60/mn' (60/min; s, min, h, d)",
        "16:61: limits[0].on_exceed: Must be one of: hold, reject",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pools: {a: {strategy: weighted}}", "the strategy weighted needs some"),
        ("pools: {a: {strategy: ordered}}", "the strategy ordered needs some"),
        ("pools: {a: {strategy: random, targets: []}}", "leave it out, or name some"),
        (
            "pools: {a: {strategy: weighted, targets: [{cluster: k, weight: 0}]}}",
            "all weights are 0: no job would find a cluster",
        ),
        (
            "pools: {a: {strategy: random, targets: [{cluster: k, weight: 1}]}}",
            "only the strategy weighted has weights, not random",
        ),
        ("pools: {a: {strategy: random, targets: [{}]}}", "give one of cluster and tags"),
        (
            "pools: {a: {strategy: random, targets: [{cluster: k, tags: [t]}]}}",
            "give one of cluster and tags",
        ),
        ("sets: {a: [b], c: [$a]}", "a set cannot name another set"),
        ("sets: {A: [b]}", "'A' is not a name: expected lower-case letters, digits, . - and _"),
        ("windows: {w: {}}", "expected one of days, hours, from, to"),
        ("windows: {w: {hours: '08:00-08:00'}}", "'08:00-08:00' begins when it ends"),
        ("windows: {w: {from: tomorrow}}", "not a time: 'tomorrow'"),
        ("overrides: [{name: x, set: {}}]", "nothing is set"),
        ("limits: [{name: x, per: user}]", "nothing is limited: give running, queued or rate"),
        ("deny: [{name: x, match: {user: []}, reason: r}]", "expected a text, or a list of texts"),
        ("deny: [{name: x, match: {user: {}}, reason: r}]", "expected one of any, none"),
        ("deny: [{name: x, match: {tags: {}}, reason: r}]", "expected one of all, any, none"),
        ("defaults: [{name: x, set: {timeout: 0}}]", "must be at least a second and at most ten"),
        ("defaults: [{name: x, set: {timeout: 99999d}}]", "must be at least a second and at most"),
        ("defaults: [{name: x, set: {priority: 10}}]", "less than or equal to 9"),
        ("pools: [a]", "expected a map"),
    ],
)
def test_what_cannot_be_meant(text: str, expected: str) -> None:
    assert expected in "\n".join(problems_of(LEAST + text))


def test_rules_of_all_kinds_share_their_names() -> None:
    # The name stands in metrics and in a job's history: it must say which rule it was.
    text = LEAST + "overrides: [{name: all, set: {priority: 1}}]"
    assert "the rule 'all' is given already" in problems_of(text)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("queues: {q: }", "no route: no request could go anywhere"),
        ("pools: {a: {strategy: random}}", "no queue: no request could go anywhere"),
    ],
)
def test_rules_that_lead_nowhere(text: str, expected: str) -> None:
    assert expected in problems_of(text)[0]


def test_a_loop_of_fallbacks_is_told_once() -> None:
    pools = "{a: {strategy: random, fallback: b}, b: {strategy: random, fallback: c}, "
    loop = "c: {strategy: random, fallback: a}, d: {strategy: random, fallback: a}}"
    assert problems_of(LEAST + "pools: " + pools + loop) == [
        "4:41: pools.a.fallback: fallback loop: a -> b -> c -> a"
    ]
    assert (
        "fallback loop: a -> a"
        in problems_of(LEAST + "pools: {a: {strategy: random, fallback: a}}")[0]
    )
