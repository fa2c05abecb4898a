"""Windows: when a rule holds."""

from __future__ import annotations

from datetime import datetime

import pytest

from tagfleet.routing_rules.windows import When, Window

from .rule_samples import LEAST, rules_of


def when(window: str, word: str = "w") -> When:
    """What `when: word` means, with this window."""
    text = LEAST + f"windows: {{w: {window}}}\n"
    rules = rules_of(text + f"overrides: [{{name: o, when: '{word}', set: {{cpu: 1}}}}]")
    return rules.overrides[0].when[0]


@pytest.mark.parametrize(
    ("window", "moment", "expected"),
    [
        # 2026-11-25 is a Wednesday.
        ("{days: [wed]}", "2026-11-25T00:00:00Z", True),
        ("{days: [wed]}", "2026-11-26T00:00:00Z", False),
        ("{hours: '08:00-18:00'}", "2026-11-25T08:00:00Z", True),
        ("{hours: '08:00-18:00'}", "2026-11-25T17:59:59Z", True),
        ("{hours: '08:00-18:00'}", "2026-11-25T18:00:00Z", False),
        ("{hours: ['08:00-09:00', '20:00-24:00']}", "2026-11-25T23:59:00Z", True),
        ("{hours: ['08:00-09:00', '20:00-24:00']}", "2026-11-25T12:00:00Z", False),
        # Friday night ends on Saturday morning, and Friday morning belongs to Thursday.
        ("{days: [fri], hours: '22:00-06:00'}", "2026-11-27T23:00:00Z", True),
        ("{days: [fri], hours: '22:00-06:00'}", "2026-11-28T05:59:00Z", True),
        ("{days: [fri], hours: '22:00-06:00'}", "2026-11-27T05:00:00Z", False),
        # In Amsterdam it is an hour later in winter, two hours later in summer.
        ("{timezone: Europe/Amsterdam, hours: '08:00-18:00'}", "2026-11-25T07:00:00Z", True),
        ("{timezone: Europe/Amsterdam, hours: '08:00-18:00'}", "2026-07-25T06:00:00Z", True),
        ("{timezone: Europe/Amsterdam, hours: '08:00-18:00'}", "2026-07-25T17:00:00Z", False),
        ("{timezone: Europe/Amsterdam, days: [thu]}", "2026-11-25T23:30:00Z", True),
        ("{from: 2026-12-24, to: 2026-12-27}", "2026-12-24T00:00:00Z", True),
        ("{from: 2026-12-24, to: 2026-12-27}", "2026-12-27T00:00:00Z", False),
        ("{from: 2026-12-24}", "2027-12-24T00:00:00Z", True),
        ("{to: '2026-12-24T12:00:00+02:00'}", "2026-12-24T09:59:00Z", True),
        ("{to: '2026-12-24T12:00:00+02:00'}", "2026-12-24T10:00:00Z", False),
        # Without an offset, a time is in the window's own zone.
        ("{timezone: Europe/Amsterdam, to: 2026-12-24T12:00}", "2026-12-24T11:00:00Z", False),
        ("{timezone: Europe/Amsterdam, to: 2026-12-24T12:00}", "2026-12-24T10:59:00Z", True),
    ],
)
def test_a_moment_is_inside_or_outside(window: str, moment: str, expected: bool) -> None:
    at = datetime.fromisoformat(moment)
    assert when(window).holds(at) is expected
    assert when(window, "!w").holds(at) is not expected


def test_it_says_what_it_means() -> None:
    assert isinstance(when("{days: [mon]}").window, Window)
    assert str(when("{days: [mon]}")) == "inside the window w"
    assert str(when("{days: [mon]}", "!w")) == "outside the window w"
