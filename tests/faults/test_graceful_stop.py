"""A worker that is told to stop ends what it is at, gives back the rest, and changes no outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pika
import pytest

from tagfleet.models.job import Job
from tagfleet.models.queues import group_queue
from tagfleet.producers.publisher import Publisher

from .ground import Ground
from .load import request_of
from .plan import Fault, Kind, Plan, PlannedJob, Way, plan_jobs
from .run import run
from .workers import STOP_SECONDS, Workers

SIZE, ROUNDS = 3, 3

#: How many of the requests are recorded when the worker is told to stop, at least.
SOME = 20


@pytest.fixture
def worker(standing: Ground) -> Iterator[Workers]:
    found = Workers(standing.environment(Way.POLLS), standing.folder / "workers", size=1)
    found.start()
    yield found
    found.close()


def recorded() -> set[str]:
    return {str(job.id) for job in Job.objects.only("id")}


def left_in_the_queue(url: str) -> set[str]:
    found: set[str] = set()
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        while True:
            method, properties, _ = channel.basic_get(group_queue("default"))
            if method is None:
                return found
            found.add(properties.message_id)


@pytest.mark.timeout(600)
def test_what_was_done_is_not_delivered_again_after_a_stop(
    standing: Ground, worker: Workers
) -> None:
    # Given a worker that is busy with more requests than it can have in hand
    worker.until_started()
    planned = [PlannedJob(id=f"job-{n}", kind=Kind.TRUE, at=0, user="ana") for n in range(300)]
    requests = [request_of(job, standing.marks) for job in planned]
    with Publisher(standing.amqp_url) as publisher:
        results = publisher.publish_many(requests, routing_key="default")
    assert all(result.error is None for result in results)
    deadline = time.monotonic() + STOP_SECONDS
    while len(recorded()) < SOME:
        assert time.monotonic() < deadline, worker.tails()
    # When it is told to stop
    exit_codes = worker.stop()
    # Then it has ended well, and each request is a job or waits in its queue, and none is both
    assert exit_codes == [0], worker.tails()
    done, waiting = recorded(), left_in_the_queue(standing.amqp_url)
    assert waiting, "it was not stopped in the middle of its work"
    assert not done & waiting
    assert done | waiting == {job.id for job in planned}


@pytest.mark.timeout(900)
def test_a_rolling_restart_of_all_workers_under_load_changes_no_outcome(standing: Ground) -> None:
    # Given workers under load, each of which is told to stop and replaced, one after another, again and again
    restarts = [
        Fault(at=4 + 4 * number, what="replace_worker", arguments={"index": number % SIZE})
        for number in range(SIZE * ROUNDS)
    ]
    plan = Plan(seed=0, jobs=plan_jobs(0, 150, 40), faults=restarts)
    # When all jobs have ended
    outcome = run(plan, standing, size=SIZE)
    # Then each ran once, and every worker ended by itself, and well
    assert not outcome.problems, "\n\n".join(outcome.problems)
    assert outcome.measured["workers"] == {
        "processes": SIZE + len(restarts),
        "told to stop": len(restarts),
    }
