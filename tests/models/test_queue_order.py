"""Who gets the next slot."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tagfleet.models.queue_order import in_order

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Job:
    id: str
    user: str
    priority: int
    created: datetime


def a_job(name: str, user: str = "ana", priority: int = 0, age: int = 0) -> Job:
    """A job that was created so many seconds before the others."""
    return Job(name, user, priority, START - timedelta(seconds=age))


def ids(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


def test_a_higher_priority_goes_first_however_young_it_is() -> None:
    waiting = [a_job("old", age=100), a_job("urgent", priority=5)]
    assert ids(in_order(waiting, {})) == ["urgent", "old"]


def test_of_one_users_jobs_the_oldest_goes_first() -> None:
    waiting = [a_job("b", age=1), a_job("c"), a_job("a", age=2)]
    assert ids(in_order(waiting, {})) == ["a", "b", "c"]


def test_a_user_with_many_jobs_does_not_keep_another_waiting() -> None:
    # Given a user who came first, with many jobs
    waiting = [a_job(f"ana-{n}", "ana", age=100 - n) for n in range(5)] + [a_job("ben", "ben")]
    # Then the other's only job is the second
    assert ids(in_order(waiting, {}))[:3] == ["ana-0", "ben", "ana-1"]


def test_a_user_who_has_slots_already_waits_for_one_who_has_none() -> None:
    waiting = [a_job("ana", "ana", age=100), a_job("ben", "ben")]
    assert ids(in_order(waiting, {"ana": 1})) == ["ben", "ana"]


def test_what_a_user_gets_at_a_higher_priority_counts_at_a_lower_one() -> None:
    waiting = [a_job("ana-1", "ana", 5), a_job("ana-2", "ana", age=9), a_job("ben", "ben")]
    assert ids(in_order(waiting, {})) == ["ana-1", "ben", "ana-2"]


JOBS = st.lists(
    st.builds(
        a_job,
        st.uuids().map(str),
        st.sampled_from(["ana", "ben", "cid"]),
        st.integers(0, 2),
        st.integers(0, 50),
    ),
    max_size=30,
)


@given(JOBS, st.dictionaries(st.sampled_from(["ana", "ben", "dee"]), st.integers(0, 9)))
def test_every_job_has_one_place_and_priorities_never_mix(
    waiting: list[Job], active: dict[str, int]
) -> None:
    ordered = in_order(waiting, active)
    assert Counter(ids(ordered)) == Counter(ids(waiting))
    assert [job.priority for job in ordered] == sorted((j.priority for j in waiting), reverse=True)
    assert in_order(waiting[::-1], active) == ordered


@given(JOBS)
def test_among_equals_no_user_is_ever_more_than_one_slot_ahead(waiting: list[Job]) -> None:
    # Given users who all have jobs left, at one priority, and none has a slot
    waiting = [a_job(job.id, job.user, 0, i) for i, job in enumerate(waiting)]
    left = Counter(job.user for job in waiting)
    given: Counter[str] = Counter()
    for job in in_order(waiting, {}):
        assert given[job.user] == min(given[user] for user, n in left.items() if n)
        given[job.user] += 1
        left[job.user] -= 1
