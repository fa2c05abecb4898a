"""Times, sizes and counts as people read them, and a decision's text as a tree."""

from __future__ import annotations

from datetime import timedelta

import pytest
from werkzeug.datastructures import MultiDict

from tagfleet.models.database import now
from tagfleet.producers.http.console import words
from tagfleet.producers.http.console.job_filters import JobFilters
from tagfleet.producers.http.console.reasons import tree_of
from tagfleet.producers.http.problems import Problem


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"), (0.0421, "42 ms"), (4.24, "4.2 s"), (61, "1 min 1 s"), (3600, "1 h"), (7500, "2 h 5 min"),
        (90_061, "1 d 1 h"), (-3, "0 ms"), (None, ""),
    ],
)  # fmt: skip
def test_a_span_is_told_by_its_two_largest_units(seconds: float | None, text: str) -> None:
    """Given a span of time / then two units tell it."""
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (59.5, "59 s ago"),
        (150, "2 min ago"),
        (90_000, "1 d ago"),
        (-125, "in 2 min"),
    ],
)
def test_a_time_is_told_by_its_distance(seconds: float, text: str) -> None:
    """Given a time / then it is told how far away it is."""
    assert words.ago(now() - timedelta(seconds=seconds + 0.1 * (seconds < 0))) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1_400, "1.4 kB"), (2_500_000_000_000, "2.5 TB")],
)
def test_a_size_has_one_unit(count: int, text: str) -> None:
    """Given a number of bytes / then one unit tells it."""
    assert words.size(count) == text


def test_a_count_agrees_with_its_noun() -> None:
    """Given one, and many / then the noun follows."""
    assert words.plural(1, "job") == "1 job"
    assert words.plural(1204, "job") == "1,204 jobs"
    assert words.plural(2, "entry", "entries") == "2 entries"


def test_a_line_belongs_to_the_one_above_that_is_further_out() -> None:
    """Given lines, some of them further in by several steps / then each is below the right one."""
    # when
    found = tree_of("Rules:\n  + route a\n      takes it\n  - route b\nChosen: c")

    # then
    rules, chosen = found
    assert [(each.text, each.mark) for each in rules.parts] == [
        ("route a", "yes"),
        ("route b", "no"),
    ]
    assert [each.text for each in rules.parts[0].parts] == ["takes it"]
    assert (chosen.text, chosen.parts) == ("Chosen: c", [])


def test_an_address_holds_what_is_asked_for_and_nothing_else() -> None:
    """Given fields, empty ones and unknown ones / then the address has the fields that ask for something."""
    # given
    asked = MultiDict(
        [("name", ""), ("user", "ana"), ("tag", "a, b"), ("status", "FAILED"), ("status", "KILLED"), ("x", "y"), ("page", "3")]
    )  # fmt: skip

    # when
    filters = JobFilters.of(asked)

    # then
    assert filters.address(0) == {"user": ["ana"], "status": ["FAILED", "KILLED"], "tag": ["a, b"]}
    assert filters.address(2)["page"] == 2
    assert filters.tags == ["a", "b"]
    without = {text: rest for _, text, rest in filters.chips()}
    assert without["KILLED"]["status"] == ["FAILED"]
    assert "user" not in without["ana"]


@pytest.mark.parametrize(
    "asked", [{"status": "GONE"}, {"page": "-1"}, {"page": "x"}, {"sort": "digest,asc"}, {"finishedFrom": "noon"}]
)  # fmt: skip
def test_what_cannot_be_searched_for_is_named(asked: dict[str, str]) -> None:
    """Given a field that cannot be used / then the problem names it."""
    # when
    with pytest.raises(Problem) as caught:
        JobFilters.of(MultiDict(asked)).search()

    # then
    assert [field for field, _ in caught.value.errors] == list(asked)
