"""What rules ask of requests: patterns, texts, tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfleet.routing_rules.matching import Facts, Match, OneOf, Tags
from tagfleet.routing_rules.patterns import Patterns

from .samples import request

# A small world, so that what is drawn often matches and often just fails to.
TEXTS = st.text("ab", max_size=3)
PATTERNS = st.lists(st.text("ab*?", min_size=1, max_size=3), min_size=1, max_size=2).map(
    lambda texts: Patterns(tuple(texts))
)
ONE_OF = st.builds(OneOf, any=st.none() | PATTERNS, none=st.none() | PATTERNS)
TAGS = st.builds(
    Tags,
    all=st.lists(st.text("ab*?", min_size=1, max_size=2), max_size=2).map(
        lambda texts: tuple(Patterns((text,)) for text in texts)
    ),
    any=st.none() | PATTERNS,
    none=st.none() | PATTERNS,
)
LISTS = st.frozensets(TEXTS, max_size=3)
MATCHES = st.builds(
    Match,
    user=st.none() | ONE_OF,
    name=st.none() | ONE_OF,
    tags=st.none() | TAGS,
    cluster_tags=st.none() | TAGS,
)
FACTS = st.builds(
    Facts,
    user=TEXTS,
    tenant=st.just(""),
    name=TEXTS,
    grouping=st.just(""),
    tags=LISTS,
    command_tags=LISTS,
    cluster_tags=st.lists(LISTS, min_size=1, max_size=2).map(tuple),
)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("ana", "ana", True),
        ("ana", "Ana", False),
        ("ana", "anna", False),
        ("a*", "a", True),
        ("a*", "ana", True),
        ("*na", "ana", True),
        ("a?a", "ana", True),
        ("a?a", "anna", False),
        ("ver:3.*", "ver:3x5", False),
        ("ver:3.*", "ver:3.5", True),
        ("[ab]*", "a", False),
        ("[ab]*", "[ab]c", True),
        ("a*", "a\nb", True),
    ],
)
def test_only_star_and_question_mark_stand_for_others(
    pattern: str, text: str, expected: bool
) -> None:
    assert Patterns((pattern,)).match(text) is expected
    assert Patterns((pattern,)).match_any({text, "zzz"}) is expected


@given(PATTERNS, PATTERNS, TEXTS)
def test_a_pattern_that_covers_another_matches_all_that_it_does(
    wide: Patterns, narrow: Patterns, text: str
) -> None:
    if wide.covers(narrow) and narrow.match(text):
        assert wide.match(text)


@given(MATCHES, MATCHES, FACTS)
def test_a_match_that_covers_another_holds_wherever_it_does(
    wide: Match, narrow: Match, facts: Facts
) -> None:
    if wide.covers(narrow) and narrow.holds(facts):
        assert wide.holds(facts)


@given(MATCHES)
def test_a_match_covers_itself_and_everything_is_covered_by_the_empty_one(match: Match) -> None:
    assert match.covers(match)
    assert Match().covers(match)


@given(MATCHES, FACTS)
def test_there_is_a_reason_exactly_when_a_match_does_not_hold(match: Match, facts: Facts) -> None:
    assert (match.misses(facts) == []) is match.holds(facts)


@given(MATCHES, FACTS)
def test_what_is_impossible_never_holds(match: Match, facts: Facts) -> None:
    assert not (match.is_impossible and match.holds(facts))


def test_the_facts_of_a_request() -> None:
    asked = request(
        user="ana",
        group="science",
        name="report",
        grouping="nightly",
        tags=["t"],
        commandCriterion={"name": "spark", "tags": ["x"]},
        clusterCriteria=[{"id": "k1"}, {"tags": ["y"]}],
    )
    assert Facts.of(asked) == Facts(
        user="ana",
        tenant="science",
        name="report",
        grouping="nightly",
        tags=frozenset({"t"}),
        command_tags=frozenset({"x", "genie.name:spark"}),
        cluster_tags=(frozenset({"genie.id:k1"}), frozenset({"y"})),
    )


def test_the_reasons_are_those_of_the_criterion_that_comes_nearest() -> None:
    asked = request(clusterCriterias=[{"tags": ["x"]}, {"tags": ["a", "b"]}])
    wanted = Tags(all=tuple(Patterns((text,)) for text in ("a", "b", "c")))
    match = Match(cluster_tags=wanted, user=OneOf(any=Patterns(("bo", "cas"))))
    assert match.misses(Facts.of(asked)) == [
        "user is 'alice', not 'bo' or 'cas'",
        "cluster_tags has no 'c'",
    ]


def test_what_is_excluded_is_excluded_in_every_criterion() -> None:
    asked = request(clusterCriterias=[{"tags": ["a"]}, {"tags": ["a", "sched:sla"]}])
    match = Match(
        cluster_tags=Tags(all=(Patterns(("a",)),), none=Patterns(("sched:*",))),
        user=OneOf(none=Patterns(("al*",))),
    )
    assert match.misses(Facts.of(asked)) == ["user is 'alice'", "cluster_tags has 'sched:sla'"]
