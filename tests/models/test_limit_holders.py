"""Places of limits: never more holders than places, whoever asks at once."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.database import Database

from tagfleet.models import jobs
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.limit_holders import count, drop_stale, give_back, release, take
from tagfleet.models.states import Held, JobStatus

from .samples import a_request

Rows = Database[dict[str, Any]]


def recorded(job_id: str, status: JobStatus) -> str:
    """A job that is in this state."""
    jobs.record(a_request(id=job_id), "default", worker="w", ring_at=now(), queue_seconds=60)
    Job.objects(id=job_id).update_one(set__status=status)
    return job_id


def test_there_are_as_many_places_as_the_limit_says(mongodb: Rows) -> None:
    assert [take("k", f"job-{number}", Held.RUNNING, 2) for number in range(3)] == [
        True,
        True,
        False,
    ]
    assert count("k") == 2


def test_a_job_has_one_place_however_often_it_asks(mongodb: Rows) -> None:
    assert take("k", "a", Held.RUNNING, 2)
    assert take("k", "a", Held.RUNNING, 2)
    assert count("k") == 1


def test_each_subject_has_places_of_its_own(mongodb: Rows) -> None:
    assert take("ana", "a", Held.RUNNING, 1)
    assert take("bo", "b", Held.RUNNING, 1)
    assert not take("ana", "c", Held.RUNNING, 1)


def test_a_limit_of_nothing_lets_nobody_in(mongodb: Rows) -> None:
    assert not take("k", "a", Held.OPEN, 0)


def test_what_is_given_back_is_free(mongodb: Rows) -> None:
    take("k", "a", Held.RUNNING, 1)
    give_back("a", ["other"])
    assert not take("k", "b", Held.RUNNING, 1)
    give_back("a", ["k"])
    assert take("k", "b", Held.RUNNING, 1)


@pytest.mark.parametrize(
    ("held", "until"),
    [
        (Held.QUEUED, JobStatus.CLAIMED),
        (Held.QUEUED, JobStatus.KILLED),
        (Held.RUNNING, JobStatus.SUCCEEDED),
        # Its submission never reached the cluster
        (Held.RUNNING, JobStatus.ACCEPTED),
        (Held.OPEN, JobStatus.FAILED),
    ],
)
def test_a_place_is_free_once_its_job_has_moved_on(
    mongodb: Rows, held: Held, until: JobStatus
) -> None:
    take("k", "a", held, 1)
    for status in (JobStatus.RESOLVED, JobStatus.ACCEPTED) if held is Held.QUEUED else ():
        release("a", status)
        assert count("k") == 1
    release("a", until)
    assert count("k") == 0


def test_a_rate_counts_whatever_becomes_of_the_job(mongodb: Rows) -> None:
    take("k", "a", Held.RECENT, 1, seconds=3600)
    release("a", JobStatus.KILLED)
    assert not take("k", "b", Held.RECENT, 1, seconds=3600)


def test_a_rate_counts_for_its_period_only(mongodb: Rows) -> None:
    take("k", "a", Held.RECENT, 1, seconds=3600)
    past = {"$set": {"until": now() - timedelta(seconds=1)}}
    mongodb["limit_holders"].update_one({"job": "a"}, past)
    assert count("k") == 0
    assert take("k", "b", Held.RECENT, 1, seconds=3600)
    assert not take("k", "c", Held.RECENT, 1, seconds=3600)


def test_a_limit_that_was_lowered_waits_until_enough_have_gone(mongodb: Rows) -> None:
    for number in range(5):
        take("k", f"job-{number}", Held.RUNNING, 5)
    assert not take("k", "a", Held.RUNNING, 2)
    for number in range(4):
        release(f"job-{number}", JobStatus.SUCCEEDED)
    assert take("k", "a", Held.RUNNING, 2)
    assert not take("k", "b", Held.RUNNING, 2)


def test_what_a_dead_worker_left_behind_is_freed(mongodb: Rows) -> None:
    # Given places of a job that ended, of one that is gone, and of one that still runs
    take("k", recorded("ended", JobStatus.FAILED), Held.RUNNING, 9)
    take("k", "gone", Held.OPEN, 9)
    take("k", recorded("runs", JobStatus.RUNNING), Held.RUNNING, 9)
    take("k", recorded("waits", JobStatus.ACCEPTED), Held.QUEUED, 9)
    # And of one that is about to be submitted
    take("k", recorded("starts", JobStatus.ACCEPTED), Held.RUNNING, 9)
    assert drop_stale() == 2
    assert {row["job"] for row in mongodb["limit_holders"].find()} == {"runs", "waits", "starts"}
    # A worker that died before it submitted
    mongodb["limit_holders"].update_one(
        {"job": "starts"}, {"$set": {"taken": now() - timedelta(minutes=2)}}
    )
    assert drop_stale() == 1


#: A worker: takes and gives back places for a while; prints the most that it saw taken at once.
RUSH = """
import random, sys
from tagfleet.models.database import connect, disconnect
from tagfleet.models.limit_holders import count, release, take
from tagfleet.models.states import Held, JobStatus

connect(sys.argv[1])
seed, most = int(sys.argv[2]), int(sys.argv[3])
dice, worst, mine = random.Random(seed), 0, []
for number in range(80):
    if mine and dice.random() < 0.45:
        release(mine.pop(dice.randrange(len(mine))), JobStatus.SUCCEEDED)
    elif take("k", f"job-{seed}-{number}", Held.RUNNING, most):
        mine.append(f"job-{seed}-{number}")
        # (each of ours is held: had there been too many, all of them would be seen)
        worst = max(worst, count("k"))
for job_id in mine:
    release(job_id, JobStatus.SUCCEEDED)
disconnect()
print(worst)
"""


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(most=st.integers(1, 7), seed=st.integers(0, 10**6))
def test_racing_workers_never_hold_more_places_than_there_are(
    mongodb: Rows, mongodb_url: str, most: int, seed: int
) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", RUSH, mongodb_url, str(seed + number), str(most)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    worst = [int(worker.communicate(timeout=120)[0]) for worker in workers]
    assert 0 < max(worst) <= most
    assert count("k") == 0
