"""The quotas of EMR: what a setting may say, and that a bucket never gives more than it should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfleet.models.errors import BadSetting
from tagfleet.models.quota import (
    ALL,
    DOCUMENTED,
    Bucket,
    Priority,
    Quota,
    kept_below,
    priority_of,
    read_quotas,
    reserve_of,
)
from tagfleet.models.settings import Settings
from tagfleet.workers.local_emr.quotas import ACCOUNT_QUOTA, OPERATION_QUOTAS

QUOTA = Quota(9, 0.48)

quotas = st.builds(Quota, st.integers(1, 500), st.floats(0.01, 500))


def test_without_a_setting_the_documented_quotas_hold() -> None:
    assert Settings.from_environ({}).emr_quotas == DOCUMENTED


def test_the_documented_quotas_are_those_that_the_local_emr_enforces() -> None:
    enforced = {
        name: (each.burst, each.refill_per_second) for name, each in OPERATION_QUOTAS.items()
    }
    enforced[ALL] = (ACCOUNT_QUOTA.burst, ACCOUNT_QUOTA.refill_per_second)
    assert {name: (each.burst, each.refill) for name, each in DOCUMENTED.items()} == enforced


def test_a_raised_quota_replaces_the_documented_one_and_leaves_the_others() -> None:
    found = read_quotas("AddJobFlowSteps=40/2.5, all=100/20")
    assert found == {**DOCUMENTED, "AddJobFlowSteps": Quota(40, 2.5), ALL: Quota(100, 20)}


def test_none_switches_the_quotas_off() -> None:
    assert Settings.from_environ({"TAGFLEET_EMR_QUOTAS": "none"}).emr_quotas is None


@pytest.mark.parametrize(
    "text",
    [
        "AddJobFlowStep=10/0.5",
        "ListSteps=10",
        "ListSteps=0/1",
        "ListSteps=10/0",
        "ListSteps=-1/1",
        "ListSteps=1e9/1",
        "ListSteps=10/nan",
        "10/0.5",
        "None",
    ],
)
def test_what_cannot_be_a_quota_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadSetting, match=r"TAGFLEET_EMR_QUOTAS.*ListSteps=20/1") as raised:
        Settings.from_environ({"TAGFLEET_EMR_QUOTAS": text})
    assert "AddJobFlowSteps, AddTags" in str(raised.value)


@given(quotas)
def test_a_little_of_each_quota_is_kept_and_a_call_is_always_possible(quota: Quota) -> None:
    kept = kept_below(quota)
    assert kept.refill < quota.refill
    assert 1 <= kept.burst <= max(1, quota.burst - 1)


@given(quotas)
def test_a_full_common_bucket_does_for_a_call_of_any_priority(quota: Quota) -> None:
    common = kept_below(quota)
    for operation in DOCUMENTED:
        reserve = reserve_of(operation, common)
        assert Bucket(common.burst, 0).wait(common, 0, reserve) == 0


def test_a_cancel_goes_before_a_submission_and_a_sweep_comes_last() -> None:
    operations = ["CancelSteps", "AddJobFlowSteps", "DescribeCluster", "ListSteps"]
    assert [priority_of(operation) for operation in operations] == list(Priority)
    reserves = [reserve_of(operation, Quota(16, 5)) for operation in operations]
    assert reserves == sorted(set(reserves))
    assert reserves[0] == 0


def test_a_bucket_that_was_left_alone_is_full_and_no_more() -> None:
    assert Bucket(0, at=0).filled(QUOTA, 1e6).level == QUOTA.burst


def test_a_second_that_was_counted_once_is_not_counted_again() -> None:
    # Given a bucket that was filled by a clock that is 3 s ahead
    ahead = Bucket(0, at=100).filled(QUOTA, 103)
    # When a host with the right time looks at it
    behind = ahead.filled(QUOTA, 100.5)
    # Then it has gained nothing, and waits until its own clock is there too
    assert behind == ahead
    assert behind.filled(QUOTA, 103) == ahead


def test_a_wait_is_long_enough() -> None:
    # Given an empty bucket that a clock two seconds ahead has written
    bucket = Bucket(0.25, at=102)
    # When somebody waits as long as he is told
    wait = bucket.wait(QUOTA, 100)
    # Then there is a token
    assert bucket.filled(QUOTA, 100 + wait).wait(QUOTA, 100 + wait) == 0
    assert bucket.filled(QUOTA, 99 + wait).wait(QUOTA, 99 + wait) > 0


def test_a_clock_that_is_hours_wrong_does_not_stop_all_others() -> None:
    # Given a bucket that was written by a clock a day ahead
    bucket = Bucket(0, at=86_400)
    # When a host with the right time looks at it
    seen = bucket.filled(QUOTA, 10)
    # Then it gains nothing by that, and fills from now on
    assert seen == Bucket(0, at=10)


@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(-3, 3)), min_size=1, max_size=200),
    quotas,
)
def test_a_bucket_gives_no_more_than_its_burst_and_what_it_gets_back(
    calls: list[tuple[float, float]], quota: Quota
) -> None:
    # Given callers whose clocks are up to 3 s wrong either way
    moment, taken = 1000.0, 0
    first, last, bucket = 1e9, 0.0, Bucket(quota.burst, 1000.0)
    for pause, skew in calls:
        moment += pause
        now = moment + skew
        first, last = min(first, now), max(last, now)
        # When each takes what there is
        bucket = bucket.filled(quota, now)
        if bucket.wait(quota, now) == 0:
            bucket, taken = bucket.less(), taken + 1
    # Then all together never got more than the bucket held and was given in that time
    assert taken <= quota.burst + max(0.0, last - 1000.0) * quota.refill + 1e-6
