"""The laws of merging two criteria."""

from __future__ import annotations

from hypothesis import given

from tagfleet.models.resources import Cluster, Criterion
from tagfleet.models.snapshot import matches
from tagfleet.models.states import ClusterStatus
from tagfleet.routing_rules.criteria import contradictions, merge

from .samples import clusters_of_small_world, criteria

CRITERIA = criteria(ClusterStatus)


def test_what_one_side_gives_is_kept_and_tags_are_united() -> None:
    one = Criterion(id="k", tags=frozenset({"a"}))
    other = Criterion(name="n", tags=frozenset({"b"}))
    assert merge(one, other) == Criterion(id="k", name="n", tags=frozenset({"a", "b"}))


def test_two_names_contradict_each_other() -> None:
    one, other = Criterion(name="A", version="1"), Criterion(name="B", version="1")
    assert merge(one, other) is None
    assert contradictions(one, other) == ["name is both A and B"]


@given(CRITERIA)
def test_merging_with_itself_or_with_nothing_changes_nothing(one: Criterion) -> None:
    assert merge(one, one) == one
    assert merge(one, Criterion()) == one == merge(Criterion(), one)


@given(CRITERIA, CRITERIA)
def test_the_order_of_two_does_not_matter(one: Criterion, other: Criterion) -> None:
    assert merge(one, other) == merge(other, one)
    assert (merge(one, other) is None) == bool(contradictions(one, other))


@given(CRITERIA, CRITERIA, CRITERIA)
def test_the_order_of_three_does_not_matter(a: Criterion, b: Criterion, c: Criterion) -> None:
    left, right = merge(a, b), merge(b, c)
    assert (merge(left, c) if left else None) == (merge(a, right) if right else None)


@given(CRITERIA, CRITERIA, clusters_of_small_world())
def test_a_merged_criterion_means_what_both_mean(
    one: Criterion, other: Criterion, clusters: list[Cluster]
) -> None:
    merged = merge(one, other)
    for cluster in clusters:
        # The default status is left out: only a side that names a status means one.
        both = matches(one, cluster, one.status or cluster.status) and matches(
            other, cluster, other.status or cluster.status
        )
        of_merged = merged is not None and matches(merged, cluster, cluster.status)
        assert of_merged == both
