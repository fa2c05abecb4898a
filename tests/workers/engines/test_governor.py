"""The governor: whatever number of workers ask it, EMR is never called more often than the quota allows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pymongo import monitoring

from tagfleet.models.database import connect, disconnect
from tagfleet.models.quota import ALL, DOCUMENTED, Quota, kept_below
from tagfleet.monitoring import metrics
from tagfleet.workers.engines.base import Throttled
from tagfleet.workers.engines.governor import Account, Governor, SharedGovernor, open_governor

from . import hammer

OWN = Account("own", "us-east-1")
START = 1_700_000_000.0


class Clock:
    """A clock that a test sets; who sleeps by it moves it on."""

    def __init__(self, now: float = START) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.now += seconds


def governed(clock: Clock, **quotas: Quota) -> SharedGovernor:
    """A governor of the documented quotas, but for these."""
    return SharedGovernor({**DOCUMENTED, **quotas}, clock=clock, sleep=clock.sleep)


def takes(governor: Governor, operation: str, most: int = 100, account: Account = OWN) -> int:
    """How many calls it gives at once, up to a number."""
    for number in range(most):
        try:
            governor.take(account, operation)
        except Throttled:
            return number
    return most


def test_an_operation_gets_its_burst_and_then_what_comes_back(mongodb: object) -> None:
    # Given
    clock = Clock()
    governor = governed(clock)
    kept = kept_below(DOCUMENTED["ListSteps"])
    # When all is taken at once, and again after half a minute in which ten calls come back
    first = takes(governor, "ListSteps")
    clock.now += 10 / kept.refill
    # Then
    assert first == kept.burst
    assert takes(governor, "ListSteps") == min(kept.burst, 10)


def test_who_gets_none_is_told_when_to_come_again(mongodb: object) -> None:
    # Given
    clock = Clock()
    governor = governed(clock)
    takes(governor, "AddJobFlowSteps")
    # When
    with pytest.raises(Throttled, match="account own in us-east-1") as raised:
        governor.take(OWN, "AddJobFlowSteps")
    # Then not a moment earlier
    clock.now += raised.value.wait - 0.01
    assert takes(governor, "AddJobFlowSteps", 1) == 0
    clock.now += 0.02
    assert takes(governor, "AddJobFlowSteps") == 1
    assert clock.slept == []


def test_who_has_patience_waits_within_it(mongodb: object) -> None:
    # Given
    clock = Clock()
    governor = governed(clock)
    takes(governor, "ListSteps")
    # When there is patience for one more call, and then for none
    governor.take(OWN, "ListSteps", patience=3)
    waited = sum(clock.slept)
    with pytest.raises(Throttled):
        governor.take(OWN, "ListSteps", patience=1)
    # Then
    assert 2 < waited < 3
    assert sum(clock.slept) == waited


def test_all_workers_share_one_quota(mongodb: object) -> None:
    clock = Clock()
    one, other = governed(clock), governed(clock)
    alone = int(kept_below(DOCUMENTED["CancelSteps"]).burst)
    assert takes(one, "CancelSteps", 4) + takes(other, "CancelSteps") == alone


def test_accounts_regions_and_operations_have_quotas_of_their_own(mongodb: object) -> None:
    # Given one operation of one account that has nothing left
    governor = governed(Clock())
    takes(governor, "AddJobFlowSteps")
    # Then the others have all of theirs
    role = "arn:aws:iam::123456789012:role/fleet"
    for account in (Account.of(None, "eu-west-1"), Account.of(role, "us-east-1")):
        assert takes(governor, "AddJobFlowSteps", account=account) > 1
    assert takes(governor, "CancelSteps") > 1
    assert Account.of(role, "x").id == "123456789012"


def test_the_less_urgent_leave_a_reserve_to_the_more_urgent(mongodb: object) -> None:
    # Given operations that have more than enough, and a common quota that has not
    plenty = Quota(1000, 100)
    operations = ["ListSteps", "DescribeCluster", "AddJobFlowSteps", "CancelSteps"]
    governor = governed(Clock(), **dict.fromkeys(operations, plenty), **{ALL: Quota(41, 0.5)})
    # When each takes what it gets, the least urgent first
    taken = [takes(governor, operation) for operation in operations]
    # Then something was left for each
    assert all(taken)
    assert sum(taken) == kept_below(Quota(41, 0.5)).burst
    # And nothing is left for any when the most urgent has taken all
    assert [takes(governor, operation) for operation in operations] == [0, 0, 0, 0]


def test_a_throttle_of_emr_slows_all_workers_down(mongodb: object) -> None:
    # Given two workers with a full bucket
    clock = Clock()
    one, other = governed(clock), governed(clock)
    one.take(OWN, "ListSteps")
    # When EMR throttles one of them
    wait = one.drain(OWN, "ListSteps")
    # Then the other waits too, and other operations do not
    assert takes(other, "ListSteps") == 0
    assert takes(other, "CancelSteps", 1) == 1
    clock.now += wait
    assert takes(other, "ListSteps") == 1


def test_a_worker_that_starts_does_not_fill_the_bucket(mongodb: object) -> None:
    clock = Clock()
    takes(governed(clock), "ListSteps")
    assert takes(governed(clock), "ListSteps") == 0


def test_without_quotas_every_call_passes() -> None:
    # Given no database either
    governor = open_governor(None)
    assert takes(governor, "AddJobFlowSteps", 1000) == 1000
    assert governor.drain(OWN, "AddJobFlowSteps") == 0


def test_what_is_left_and_what_is_held_back_is_measured(mongodb: object) -> None:
    # Given
    governor, held = governed(Clock()), metrics.EMR_CALLS_HELD_BACK.labels("AddTags")
    before = held._value.get()
    # When
    given = takes(governor, "AddTags")
    # Then
    left = metrics.EMR_TOKENS.labels("own", "us-east-1", "AddTags")
    common = metrics.EMR_TOKENS.labels("own", "us-east-1", ALL)
    assert left._value.get() == pytest.approx(kept_below(DOCUMENTED["AddTags"]).burst - given)
    assert common._value.get() == pytest.approx(kept_below(DOCUMENTED[ALL]).burst - given)
    assert held._value.get() == before + 1


class Commands(monitoring.CommandListener):
    """Counts the commands of clients that are made after it was registered."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


def test_a_call_costs_two_commands_and_a_refusal_one(mongodb_url: str) -> None:
    # Given
    commands = Commands()
    monitoring.register(commands)
    connect(mongodb_url)
    governor = governed(Clock())
    given = takes(governor, "ListSteps", 1)
    commands.names.clear()
    # When
    given = takes(governor, "ListSteps")
    governor.drain(OWN, "ListSteps")
    # Then
    assert Counter(commands.names) == {"find": given + 1, "update": given + 1}
    disconnect()


WORKERS = 4


def hammered(url: str) -> list[dict[str, Any]]:
    """What each of some processes got that asked at the same time."""
    program = str(Path(hammer.__file__))
    processes = [
        subprocess.Popen(
            [sys.executable, program, url, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(WORKERS)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return [json.loads(process.communicate()[0]) for process in processes]


def test_many_processes_never_get_more_than_the_quota(mongodb: object, mongodb_url: str) -> None:
    # When processes ask at the same time, each by a clock of its own
    found = hammered(mongodb_url)
    # Then no operation got more than its burst and what came back in that time by any clock
    total = sum((Counter(each["taken"]) for each in found), Counter[str]())
    passed = max(each["until"] for each in found) - (hammer.START - hammer.SKEW)
    for operation in hammer.OPERATIONS:
        kept = kept_below(DOCUMENTED[operation])
        assert kept.burst <= total[operation] <= kept.burst + kept.refill * passed
    common = kept_below(DOCUMENTED[ALL])
    assert total.total() <= common.burst + common.refill * passed
