"""The quotas of EMR's API, on a clock that the test sets."""

from __future__ import annotations

import pytest

from tagfleet.workers.local_emr.quotas import Governor

#: Service Quotas' defaults: burst, and calls a second.
DEFAULTS = {
    "AddJobFlowSteps": (10, 0.5),
    "AddTags": (5, 0.5),
    "CancelSteps": (10, 0.5),
    "DescribeCluster": (10, 1.0),
    "DescribeStep": (10, 0.5),
    "ListClusters": (20, 0.5),
    "ListSteps": (10, 0.5),
    "ModifyCluster": (10, 0.5),
    "RemoveTags": (5, 0.5),
    "RunJobFlow": (10, 0.5),
    "TerminateJobFlows": (10, 0.5),
}

#: An operation without a quota of its own.
OTHER = "ListBootstrapActions"


class Account:
    """An account whose calls are counted."""

    def __init__(self) -> None:
        self.now = 0.0
        self.governor = Governor(enforced=True, clock=lambda: self.now)

    def admitted(self, operation: str) -> int:
        """How many calls in a row are admitted."""
        count = 0
        while count < 1000 and self.governor.admits(operation):
            count += 1
        return count


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.mark.parametrize("operation", DEFAULTS)
def test_an_operation_has_its_burst_and_its_refill(account: Account, operation: str) -> None:
    burst, rate = DEFAULTS[operation]
    assert account.admitted(operation) == burst
    account.now += 4
    assert account.admitted(operation) == 4 * rate
    # It never fills beyond its burst.
    account.now += 3600
    assert account.admitted(operation) == burst


def test_all_operations_together_have_25_calls_and_5_a_second(account: Account) -> None:
    assert sum(account.admitted(each) for each in ("ListClusters", "ListSteps")) == 25
    assert account.admitted(OTHER) == 0
    account.now += 2
    assert account.admitted(OTHER) == 10
    account.now += 3600
    assert account.admitted(OTHER) == 25


def test_a_refused_call_takes_nothing_from_the_others(account: Account) -> None:
    for _ in range(100):
        account.governor.admits("AddTags")
    assert account.admitted(OTHER) == 20


def test_switched_off_it_admits_all_and_switched_on_again_it_starts_full(account: Account) -> None:
    account.admitted(OTHER)
    account.governor.enforce(False)
    assert account.admitted("AddTags") == 1000
    account.governor.enforce(True)
    assert account.admitted("AddTags") == 5
