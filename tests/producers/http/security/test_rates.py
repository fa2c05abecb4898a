"""How many requests a caller may send."""

from __future__ import annotations

import pytest

from tagfleet.producers.http.problems import Problem
from tagfleet.producers.http.security.rates import BURST_SECONDS, Rates


class Clock:
    """A clock that the test moves."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


def test_a_bucket_fills_as_time_passes() -> None:
    # Given two a second, and a caller who has used up what may come at once
    clock = Clock()
    rates = Rates(2, clock)
    for _ in range(int(2 * BURST_SECONDS)):
        rates.check("ana")
    with pytest.raises(Problem) as refused:
        rates.check("ana")
    assert refused.value.retry_after == 1
    # When a second has passed
    clock.time += 1
    # Then two more may come, and no third
    rates.check("ana")
    rates.check("ana")
    with pytest.raises(Problem):
        rates.check("ana")


def test_over_a_long_time_nobody_gets_more_than_the_rate() -> None:
    clock = Clock()
    rates = Rates(3, clock)
    taken = 0
    for _ in range(10_000):
        clock.time += 0.01
        try:
            rates.check("ana")
        except Problem:
            continue
        taken += 1
    assert taken <= 3 * 100 + 3 * BURST_SECONDS


def test_no_rate_is_no_limit() -> None:
    rates = Rates(0)
    for _ in range(1000):
        rates.check("ana")


def test_however_many_callers_come_few_are_remembered() -> None:
    clock = Clock()
    rates = Rates(1, clock)
    for number in range(30_000):
        clock.time += 0.001
        rates.check(f"address {number}")
    assert len(rates._buckets) <= 10_001
