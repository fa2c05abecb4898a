"""What came out of a simulation, as people and programs read it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tagfleet.routing_rules.simulate.report_page import report_page
from tagfleet.routing_rules.simulate.report_text import duration, movement, report_text, verdict

from .worlds import ANYWHERE, fleet_of, job, outcome_of, side, yarn

#: A name that would be a script, if it were not shown as what it is.
HOSTILE = "<script>alert('x')</script>&\""
CANARY = """
queues: {q: , other: }
pools: {canary: {strategy: weighted, targets: [{cluster: new}]}}
routes:
  - {name: sla, match: {cluster_tags: [sla]}, queue: q, pool: canary}
  - {name: rest, match: {user: {none: bo}}, queue: other}
limits: [{name: one, per: user, running: 1}]
"""


@pytest.fixture
def data() -> dict[str, Any]:
    """Jobs that move, that find nothing, that are held; clusters and users of all kinds of names."""
    fleet = fleet_of(yarn("old", "sla"), yarn("new", "sla"), yarn("x" * 80))
    jobs = [job(f"{HOSTILE[:8]}{number}", "sla", at=number) for number in range(5)]
    jobs += [job("lost", user="bo"), job("odd", user=HOSTILE, tag_group="other")]
    jobs += [job(f"u{number}", user=f"user-{number}" * 9) for number in range(30)]
    jobs.sort(key=lambda each: each.created or 0)  # type: ignore[arg-type,return-value]
    after = side(CANARY, fleet, changes=("sla given to new",), digest="ab" * 32)
    return outcome_of(jobs, side(ANYWHERE, fleet), after, "unroutable", "held")


class Page(HTMLParser):
    """Notes what is open, and what refers to something outside."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.outside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.outside += [name for name, _ in attrs if name in ("src", "href", "action", "onclick")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_text_fits_a_terminal_of_a_hundred_columns(data: dict[str, Any]) -> None:
    text = report_text(data)
    assert max(map(len, text.splitlines())) <= 100
    assert "37 jobs, sent from 2026-11-25 12:00 to 2026-11-25 12:00 UTC" in text
    assert "Would find nothing: 1 jobs; 1 of them found something before." in text
    assert "nearest: route" in text
    assert "- sla given to new" in text
    assert "and 18 more: --output json lists all" in text
    assert text.splitlines()[-1] == "Failed (--fail-on): 1 unroutable, 4 held."


def test_the_data_is_json_with_the_documented_keys(data: dict[str, Any]) -> None:
    found = json.loads(json.dumps(data))
    assert found["version"] == 1
    assert set(found) == {
        "version",
        "jobs",
        "skipped",
        "from",
        "to",
        "withoutTimes",
        "withoutRunTime",
        "groupsByProducer",
        "before",
        "after",
        "unchanged",
        "conditions",
        "failOn",
        "failed",
        "outcomes",
        "limits",
        "movements",
        "unroutable",
        "clusters",
        "tagGroups",
        "users",
    }
    assert set(found["movements"][0]) == {"before", "after", "jobs", "runHours", "examples"}
    assert set(found["movements"][0]["after"]) == {
        "outcome",
        "cluster",
        "tagGroup",
        "pool",
        "command",
    }
    assert set(found["users"][0]["after"]) == {
        "jobs",
        "runHours",
        "peakRunning",
        "peakWaiting",
        "meanWaitSeconds",
        "longestWaitSeconds",
    }


def test_the_page_needs_no_network_and_runs_nothing(data: dict[str, Any]) -> None:
    # Given names of clusters and users that try to be more than names
    text = report_page(data)
    # When a browser reads it
    page = Page(text)
    # Then every tag is closed, nothing is fetched, and nothing runs
    assert page.open == []
    assert page.outside == []
    assert "script" not in page.tags
    assert "alert(&#x27;x&#x27;)" in text
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|https?://", text)


def test_the_page_s_charts_are_told_to_who_does_not_see_them(data: dict[str, Any]) -> None:
    text = report_page(data)
    # Each chart says its numbers, and a table has them once more
    labels = re.findall(r'<svg [^>]*role="img" aria-label="([^"]*)"', text)
    assert len(labels) == 9
    assert labels[0].startswith("Clusters: jobs. ")
    assert " before, " in labels[0]
    assert text.count("The same as a table") == 3
    assert "prefers-color-scheme: dark" in text
    assert '<html lang="en">' in text


def test_the_page_s_bars_are_in_proportion(data: dict[str, Any]) -> None:
    widths = [
        float(width)
        for width in re.findall(
            r'<rect class="\w+" x="190" y="\d+" width="([\d.]+)"', report_page(data)
        )
    ]
    assert max(widths) == 480
    assert min(widths) == 0


def test_nothing_to_tell_is_told(data: dict[str, Any]) -> None:
    fleet = fleet_of(yarn("a"))
    none = outcome_of([], side(ANYWHERE, fleet), side(ANYWHERE, fleet), "moved")
    assert "No jobs" in report_text(none)
    assert "Nothing moves." in report_text(none)
    assert Page(report_page(none)).open == []
    assert verdict(none) == "Passed: no job is moved."
    assert verdict(none | {"failOn": []}) is None


def test_a_movement_says_what_differs() -> None:
    place = {"outcome": "routed", "cluster": "a", "tagGroup": "q", "pool": None, "command": "m"}
    moved = place | {"cluster": "b", "pool": "p"}
    lost = place | {"outcome": "no_cluster", "cluster": None, "command": None}
    assert movement({"before": place, "after": moved}) == "a -> b; pool none -> p; tag group q"
    assert movement({"before": place, "after": place | {"tagGroup": "r"}}) == (
        "on a; tag group q -> r"
    )
    assert movement({"before": place, "after": lost}) == "a (m) -> no_cluster"


@pytest.mark.parametrize(("seconds", "said"), [(0, "0s"), (59, "59s"), (90, "2m"), (5400, "1.5h")])
def test_a_duration_is_short(seconds: float, said: str) -> None:
    assert duration(seconds) == said
