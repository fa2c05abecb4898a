"""What is held and rejected while jobs are replayed, and how much runs at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfleet.models.resources import Cluster
from tagfleet.routing_rules.simulate.past_jobs import PastJob

from .test_simulation import CLUSTERS, JOBS
from .worlds import ANYWHERE, counts, fleet_of, job, load, outcome_of, side, yarn

FLEET = fleet_of(yarn("a"))


def limited(limit: str, jobs: list[PastJob], fleet: Any = FLEET) -> dict[str, Any]:
    """What becomes of the jobs by a limit that was not there before."""
    rules = f"{ANYWHERE}limits: [{{name: l, {limit}}}]\n"
    return outcome_of(jobs, side(ANYWHERE, fleet), side(rules, fleet), "held", "rejected")


def test_a_cluster_runs_as_many_jobs_at_once_as_its_engine_says() -> None:
    # Given three jobs of a minute that come at once, and two slots
    jobs = [job(f"j{number}") for number in range(3)]
    fleet = fleet_of(yarn("a", slots=2))
    # When
    found = load(outcome_of(jobs, side(ANYWHERE, fleet), side(ANYWHERE, fleet)), "clusters", "a")
    # Then the third has waited for a minute
    assert (found["peakRunning"], found["peakWaiting"]) == (2, 1)
    assert (found["meanWaitSeconds"], found["longestWaitSeconds"]) == (20.0, 60.0)
    assert found["runHours"] == 0.05


def test_what_has_a_higher_priority_starts_first() -> None:
    # Given a slot that is taken for a minute, and two jobs that wait for it
    jobs = [job("j1"), job("j2", at=1, user="bo"), job("j3", at=2, user="cy", priority=5)]
    fleet = fleet_of(yarn("a", slots=1))
    # When
    found = outcome_of(jobs, side(ANYWHERE, fleet), side(ANYWHERE, fleet))
    # Then
    assert load(found, "users", "cy")["longestWaitSeconds"] == 58.0
    assert load(found, "users", "bo")["longestWaitSeconds"] == 119.0


def test_a_limit_on_running_jobs_lets_them_wait() -> None:
    # Given three jobs of one user, and one of another
    jobs = [*(job(f"j{number}") for number in range(3)), job("other", user="bo")]
    # When
    found = limited("per: user, running: 1", jobs)
    # Then two were held, for one and two minutes
    limits = found["limits"]
    assert (limits["after"]["held"], limits["before"]["held"]) == (2, 0)
    assert limits["after"]["longestHeldSeconds"] == 120.0
    assert limits["rules"] == [
        {
            "rule": "l",
            "before": {"held": 0, "rejected": 0},
            "after": {"held": 2, "rejected": 0},
        }
    ]
    assert (found["failed"], counts(found)) == (["held"], {"routed": 4})
    assert load(found, "users", "ana")["peakRunning"] == 1


def test_a_held_job_does_not_keep_others_from_the_slots() -> None:
    # Given two slots, and a user who may have one of them
    jobs = [job("j1"), job("j2", at=1), job("other", at=2, user="bo")]
    # When
    found = limited("per: user, running: 1", jobs, fleet_of(yarn("a", slots=2)))
    # Then the other one starts at once
    assert load(found, "users", "bo")["longestWaitSeconds"] == 0.0


def test_room_that_appears_on_another_cluster_is_used() -> None:
    # Given a user's job on one cluster, which holds that on the other one
    fleet = fleet_of(yarn("a", "x", slots=1), yarn("b", "y", slots=1))
    jobs = [job("j1", "x"), job("j2", "y", at=1)]
    # When
    found = limited("per: user, running: 1", jobs, fleet)
    # Then it starts when the first one ends
    assert load(found, "clusters", "b")["longestWaitSeconds"] == 59.0


def test_a_limit_that_rejects_counts_what_was_let_in() -> None:
    # Given one slot: the second job waits, the third is one too many
    jobs = [job(f"j{number}", at=number) for number in range(3)]
    # When
    found = limited("per: user, running: 2, on_exceed: reject", jobs, fleet_of(yarn("a", slots=1)))
    # Then
    assert (counts(found), found["failed"]) == ({"routed": 2, "rejected": 1}, ["rejected"])
    assert found["limits"]["rules"][0]["after"]["rejected"] == 1


def test_a_limit_on_queued_jobs_lets_the_next_in_when_one_starts() -> None:
    # Given one slot and one place in the queue
    jobs = [job(f"j{number}", at=number) for number in range(4)]
    # When
    found = limited("per: user, queued: 1", jobs, fleet_of(yarn("a", slots=1)))
    # Then all of them run, one after the other, and two were held
    assert (counts(found), found["limits"]["after"]["held"]) == ({"routed": 4}, 2)
    assert load(found, "clusters", "a")["peakWaiting"] == 1
    assert found["limits"]["after"]["longestHeldSeconds"] == 117.0


def test_a_rate_lets_the_next_in_when_the_period_is_over() -> None:
    # Given five jobs in one second
    jobs = [job(f"j{number}", at=number / 10, runs=1) for number in range(5)]
    # When
    found = limited("per: user, rate: 2/min", jobs)
    # Then two more come in each minute
    assert (counts(found), found["limits"]["after"]["held"]) == ({"routed": 5}, 3)
    assert found["limits"]["after"]["longestHeldSeconds"] == pytest.approx(119.6, abs=0.1)


def test_a_rate_that_rejects_sees_no_more_than_its_period() -> None:
    jobs = [job("j1", runs=1), job("j2", at=59, runs=1), job("j3", at=60, runs=1)]
    assert counts(limited("per: user, rate: 1/min, on_exceed: reject", jobs)) == {
        "routed": 2,
        "rejected": 1,
    }


@pytest.mark.parametrize("limit", ["running: 0", "queued: 0"])
def test_what_finds_no_room_for_ever_stays_held(limit: str) -> None:
    found = limited(f"per: global, {limit}", [job("j1"), job("j2", at=5)])
    assert (counts(found), found["failed"]) == ({"held": 2}, ["held"])
    assert sum(each["after"]["jobs"] for each in found["clusters"]) == 0


def test_limits_count_the_jobs_that_they_apply_to() -> None:
    # Given a limit for the jobs of one name, as many as one
    jobs = [job("j1", name="x"), job("j2", name="y"), job("j3", name="y")]
    # When
    found = limited("match: {name: x}, per: user, running: 1", jobs)
    # Then those of other names take no place of it
    assert found["limits"]["after"]["held"] == 0


@given(JOBS, CLUSTERS, st.sampled_from(["user", "global", "queue", "tenant"]), st.integers(1, 3))
@settings(deadline=None)
def test_no_limit_is_ever_exceeded_and_every_job_runs(
    jobs: list[PastJob], clusters: list[Cluster], scope: str, most: int
) -> None:
    # Given a limit that holds on any number of clusters
    fleet = fleet_of(*clusters)
    rules = (
        f"{ANYWHERE}limits: [{{name: r, per: {scope}, running: {most}}}, "
        f"{{name: q, per: {scope}, queued: {most}}}, {{name: s, per: {scope}, rate: {most}/s}}]\n"
    )
    # When
    found = outcome_of(jobs, side(ANYWHERE, fleet), side(rules, fleet))
    # Then there are never more at once, and nobody waits for ever
    assert counts(found) == counts(found, "before")
    dimension = {"user": "users", "queue": "tagGroups"}.get(scope)
    for each in found[dimension] if dimension else found["tagGroups"]:
        assert each["after"]["peakRunning"] <= most
        assert each["after"]["peakWaiting"] <= most + len(jobs)
    for each in clusters:
        if each.engine and any(row["name"] == each.id for row in found["clusters"]):
            peak = load(found, "clusters", each.id)["peakRunning"]
            assert peak <= each.engine.step_concurrency
