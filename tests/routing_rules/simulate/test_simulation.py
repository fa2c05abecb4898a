"""What a simulation says would move, find nothing, or change."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfleet.models.resources import Cluster
from tagfleet.routing_rules.simulate.catalog_changes import CatalogChanges, changed
from tagfleet.routing_rules.simulate.past_jobs import PastJob

from .worlds import ANYWHERE, counts, fleet_of, job, load, outcome_of, side, yarn

POOLS = """
queues: {sla: , rest: }
pools:
  p: {strategy: weighted, sticky_by: user, targets: [{cluster: a, weight: 3}, {tags: [s]}], fallback: any}
  any: {strategy: least_loaded}
deny: [{name: no-mallory, match: {user: mallory}, reason: Not you}]
routes:
  - {name: sla, match: {cluster_tags: [s]}, queue: sla, pool: p}
  - {name: t, match: {cluster_tags: [t]}, queue: rest, pool: any}
  - {name: rest, match: {user: {none: nobody}}, queue: rest}
limits:
  - {name: ana, match: {user: ana}, per: user, running: 1}
  - {name: all, per: global, queued: 3, on_exceed: hold}
  - {name: rate, per: user, rate: 4/min, on_exceed: reject}
"""

JOBS = st.lists(
    st.tuples(
        st.sampled_from([(), ("s",), ("t",), ("s", "t"), ("absent",)]),
        st.sampled_from(["ana", "bo", "mallory", "nobody"]),
        st.integers(0, 90),
        st.none() | st.integers(0, 300),
        st.sampled_from([None, "sla", "rest", "gone"]),
        st.integers(0, 2),
    ),
    max_size=25,
).map(
    lambda drawn: [
        job(f"job-{number}", *tags, user=user, at=at, runs=runs, tag_group=group, priority=priority)
        for number, (tags, user, at, runs, group, priority) in enumerate(
            sorted(drawn, key=lambda each: each[2])
        )
    ]
)
CLUSTERS = st.lists(
    st.tuples(st.frozensets(st.sampled_from("st")), st.sampled_from([None, 1, 2])),
    min_size=1,
    max_size=4,
).map(
    lambda drawn: [yarn("abcd"[at], *tags, slots=slots) for at, (tags, slots) in enumerate(drawn)]
)


@given(JOBS, CLUSTERS)
@settings(deadline=None)
def test_nothing_moves_when_nothing_is_changed(
    jobs: list[PastJob], clusters: list[Cluster]
) -> None:
    # Given two sides that are the same, with chance, limits and load
    same = side(POOLS, fleet_of(*clusters))
    # When
    found = outcome_of(jobs, same, same, "moved", "unroutable", "held", "rejected", "denied")
    # Then
    assert found["unchanged"] == len(jobs)
    assert (found["movements"], found["failed"]) == ([], [])
    assert all(each["before"] == each["after"] for each in found["clusters"] + found["users"])


@given(JOBS, CLUSTERS)
@settings(deadline=None)
def test_no_job_lands_on_a_drained_cluster(jobs: list[PastJob], clusters: list[Cluster]) -> None:
    # Given
    fleet = fleet_of(*clusters)
    drained = changed(fleet, CatalogChanges(drain=["a"])).catalog
    # When
    found = outcome_of(jobs, side(POOLS, fleet), side(POOLS, drained))
    # Then
    after = [each["after"]["jobs"] for each in found["clusters"] if each["name"] == "a"]
    assert after in ([], [0])
    assert all(each["after"]["cluster"] != "a" for each in found["movements"])


@given(JOBS, CLUSTERS, st.booleans())
@settings(deadline=None)
def test_the_totals_add_up(
    jobs: list[PastJob], clusters: list[Cluster], all_by_rules: bool
) -> None:
    # When the rules become others, and a cluster is drained
    fleet = fleet_of(*clusters)
    drained = changed(fleet, CatalogChanges(drain=["a"])).catalog
    found = outcome_of(jobs, side(POOLS, fleet), side(ANYWHERE, drained), all_by_rules=all_by_rules)
    # Then every job is somewhere, on both sides, and counted once wherever it counts
    for when in ("before", "after"):
        assert sum(each[when] for each in found["outcomes"]) == len(jobs) == found["jobs"]
        routed = counts(found, when).get("routed", 0)
        for dimension in ("clusters", "tagGroups", "users"):
            assert sum(each[when]["jobs"] for each in found[dimension]) == routed
        hours = [
            sum(each[when]["runHours"] for each in found[dimension])
            for dimension in ("clusters", "tagGroups", "users")
        ]
        assert max(hours) - min(hours) < 0.01
    assert found["unchanged"] + sum(each["jobs"] for each in found["movements"]) == len(jobs)
    lost = sum(each["jobs"] for each in found["unroutable"])
    after = counts(found)
    assert lost == after.get("no_cluster", 0) + after.get("no_route", 0)
    assert lost == found["conditions"]["any-unroutable"]


def test_tags_that_move_take_their_jobs_along() -> None:
    # Given
    fleet = fleet_of(yarn("new"), yarn("old", "sla"))
    jobs = [job("j1", "sla"), job("j2", "sla", at=5), job("j3", "absent", at=6)]
    # When
    moved = changed(fleet, CatalogChanges(move_tags=["sla=old:new"])).catalog
    found = outcome_of(jobs, side(ANYWHERE, fleet), side(ANYWHERE, moved), "moved", "unroutable")
    # Then
    (movement,) = found["movements"]
    assert (movement["before"]["cluster"], movement["after"]["cluster"]) == ("old", "new")
    assert (movement["jobs"], movement["examples"]) == (2, ["j1", "j2"])
    assert found["failed"] == ["moved"]


def test_what_finds_nothing_is_told_by_its_reason_and_what_was_nearest() -> None:
    # Given
    fleet = fleet_of(yarn("old", "sla"))
    drained = changed(fleet, CatalogChanges(remove_tags=["old:sla"])).catalog
    jobs = [job("j1", "sla"), job("j2", "sla"), job("j3", "gone")]
    # When
    found = outcome_of(
        jobs, side(ANYWHERE, fleet), side(ANYWHERE, drained), "unroutable", "any-unroutable"
    )
    # Then those that are lost are told apart from the one that was lost before
    first, second = found["unroutable"]
    assert (first["jobs"], first["new"], first["examples"]) == (2, 2, ["j1", "j2"])
    assert first["nearest"] == "old: tag 'sla' is missing"
    assert (second["jobs"], second["new"], second["outcome"]) == (1, 0, "no_cluster")
    assert found["conditions"] | {"unroutable": 2, "any-unroutable": 3} == found["conditions"]


def test_what_no_route_takes_is_told_the_nearest_one() -> None:
    # Given
    narrow = "queues: {q: }\nroutes: [{name: bo, match: {user: bo}, queue: q}]\n"
    fleet = fleet_of(yarn("a"))
    # When
    found = outcome_of([job("j")], side(ANYWHERE, fleet), side(narrow, fleet))
    # Then
    assert counts(found) == {"no_route": 1}
    assert found["unroutable"][0]["nearest"] == "route bo: user is 'ana', not 'bo'"


def test_what_is_denied_counts_as_such() -> None:
    strict = ANYWHERE + "deny: [{name: d, match: {user: ana}, reason: Not now}]\n"
    fleet = fleet_of(yarn("a"))
    found = outcome_of([job("j")], side(ANYWHERE, fleet), side(strict, fleet), "denied", "moved")
    assert (found["failed"], counts(found)) == (["denied"], {"denied": 1})


def test_windows_are_held_against_each_job_s_own_time() -> None:
    # Given a route that holds in the first minute after noon, on a pool of its own
    timed = """
        windows: {first: {from: "2026-11-25T12:00:00Z", to: "2026-11-25T12:01:00Z"}}
        queues: {q: }
        pools: {p: {strategy: ordered, targets: [{cluster: b}]}}
        routes: [{name: early, when: first, queue: q, pool: p}, {name: late, queue: q}]
        """
    fleet = fleet_of(yarn("a", "x"), yarn("b"))
    # When a job comes in its last second, and one after it
    found = outcome_of(
        [job("j1", at=59), job("j2", "x", at=60)], side(ANYWHERE, fleet), side(timed, fleet)
    )
    # Then
    assert load(found, "clusters", "b")["jobs"] == 1
    assert load(found, "clusters", "a")["jobs"] == 1


GROUPS = """
queues: {one: , two: }
routes:
  - {name: second, match: {cluster_tags: [two]}, queue: two}
  - {name: first, queue: one}
"""
#: The same groups, and all that the rules choose goes to the second.
TURNED = "queues: {one: , two: }\nroutes: [{name: r, queue: two}, {name: k, queue: one}]\n"


@pytest.mark.parametrize(
    ("tag_group", "by_producer"),
    [
        ("one", 0),  # as the rules had it: they may change their mind
        ("two", 1),
        ("gone", 0),  # there is no such queue
        (None, 0),
    ],
)
def test_a_job_goes_where_the_new_rules_lead(tag_group: str | None, by_producer: int) -> None:
    fleet, past = fleet_of(yarn("a")), job("j", tag_group=tag_group)
    found = outcome_of([past], side(GROUPS, fleet), side(TURNED, fleet))
    assert load(found, "tagGroups", "two")["jobs"] == 1
    assert found["groupsByProducer"] == by_producer


def test_what_a_producer_chose_stays_unless_all_is_left_to_the_rules() -> None:
    # Given a job that its producer sent to the group `one`, where the rules lead to `two`
    fleet, past = fleet_of(yarn("a")), job("j", tag_group="one")
    # When
    kept = outcome_of([past], side(TURNED, fleet), side(TURNED, fleet))
    by_rules = outcome_of([past], side(TURNED, fleet), side(TURNED, fleet), all_by_rules=True)
    # Then
    assert load(kept, "tagGroups", "one")["jobs"] == 1
    assert load(by_rules, "tagGroups", "two")["jobs"] == 1


def test_a_job_that_other_rules_decided_about_was_not_sent_elsewhere_by_its_producer() -> None:
    # Given a job that went to `one` by rules of long ago
    fleet = fleet_of(yarn("a"))
    past = PastJob(request=job("j").request, tag_group="one", rules_digest="of old")
    # When
    found = outcome_of([past], side(TURNED, fleet, digest="of today"), side(TURNED, fleet))
    # Then
    assert (found["groupsByProducer"], load(found, "tagGroups", "two")["jobs"]) == (0, 1)


def test_requests_without_a_time_are_decided_without_limits() -> None:
    # Given
    tight = (
        ANYWHERE + "limits: [{name: one, per: user, running: 1, rate: 1/d, on_exceed: reject}]\n"
    )
    fleet = fleet_of(yarn("a", slots=1))
    requests = [PastJob(request=job(f"j{number}").request) for number in range(3)]
    # When
    found = outcome_of(requests, side(tight, fleet), side(tight, fleet))
    # Then
    assert (counts(found), found["withoutTimes"]) == ({"routed": 3}, 3)
    assert load(found, "clusters", "a")["jobs"] == 3
