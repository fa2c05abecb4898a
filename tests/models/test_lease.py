"""Two workers never hold one lease, and each holder has an epoch of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tagfleet.models import lease as leases
from tagfleet.models.errors import LeaseLost


def test_a_held_lease_is_not_given_to_another(mongodb: object) -> None:
    assert leases.acquire("j-1", "a", 60)
    assert leases.acquire("j-1", "b", 60) is None


def test_a_released_lease_is_given_on_with_the_next_epoch_and_the_time_of_the_last_look(
    mongodb: object,
) -> None:
    first = leases.acquire("j-1", "a", 60)
    assert first
    first.release(swept_at=first.until)
    second = leases.acquire("j-1", "b", 60)
    assert second
    assert (second.epoch, second.swept_at) == (first.epoch + 1, first.until)


def test_a_holder_whose_lease_ran_out_and_was_taken_learns_it_before_it_acts(
    mongodb: object,
) -> None:
    late = leases.acquire("j-1", "a", -1)
    assert late
    assert leases.acquire("j-1", "b", 60)
    with pytest.raises(LeaseLost, match="a no longer holds"):
        late.check(10)


def test_a_late_release_does_not_end_the_lease_of_the_next_holder(mongodb: object) -> None:
    late = leases.acquire("j-1", "a", -1)
    assert late
    leases.acquire("j-1", "b", 60)
    late.release()
    assert leases.acquire("j-1", "c", 60) is None


def test_a_check_extends_the_lease_for_what_is_about_to_be_done(mongodb: object) -> None:
    lease = leases.acquire("j-1", "a", 5)
    assert lease
    lease.check(600)
    assert leases.look(["j-1"])["j-1"].held


TAKE_TWENTY = """
import sys
from tagfleet.models import lease
from tagfleet.models.database import connect, disconnect
connect(sys.argv[1])
print(*[number for number in range(20) if lease.acquire(f"j-{number}", "x", 60)])
disconnect()
"""


def test_of_many_processes_exactly_one_gets_each_lease(mongodb_url: str) -> None:
    # Given four processes that want the same twenty leases at once
    command = [sys.executable, "-c", TAKE_TWENTY, mongodb_url]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    # When all have tried
    taken = [int(number) for process in processes for number in process.communicate()[0].split()]
    # Then each lease was given once
    assert sorted(taken) == list(range(20))
