"""The queues of tag groups follow the rules while worker processes run: none of their requests is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models import request_queues, rule_sets
from tagfleet.models.job import Job
from tagfleet.models.processes import dies_with_parent
from tagfleet.models.queues import REQUESTS_EXCHANGE
from tagfleet.models.request_queues import QueueState
from tagfleet.routing_rules.in_force import digest_of

from ..models.samples import request_data
from .broker.harness import Client, consumers
from .broker.harness import eventually as soon

#: Requests that wait in a queue; more than a worker has in hand.
MANY = 200


def eventually(check: Callable[[], Any]) -> Any:
    """For what takes several looks of several processes, on a busy machine."""
    for _ in range(3):
        try:
            return soon(check)
        except AssertionError:
            continue
    return soon(check)


class Ground:
    """Worker processes, and what they work on."""

    def __init__(self, folder: Path, amqp_url: str, mongodb_url: str) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "TAGFLEET_AMQP_URL": amqp_url,
            "TAGFLEET_MONGODB_URL": mongodb_url,
            "TAGFLEET_STAGING_URL": str(folder / "staging"),
            "TAGFLEET_ARCHIVE_URL": str(folder / "archive"),
            "TAGFLEET_METRICS_BIND": "",
        }
        self.client = Client(amqp_url)
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, count: int = 1) -> list[subprocess.Popen[bytes]]:
        """Start workers, each of which takes messages when this returns."""
        started = []
        for _ in range(count):
            log = self.folder / f"worker-{len(self.workers)}.log"
            with log.open("wb") as out:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tagfleet", "worker", "--one-process", "--threads", "4", *arguments],
                    env=self.environment, stderr=out, preexec_fn=dies_with_parent(),
                )  # fmt: skip
            self.workers.append(process)
            started.append((process, log))
        for process, log in started:
            eventually(lambda log=log: "Takes messages from the queues" in log.read_text())
            assert process.poll() is None
        return [process for process, _ in started]

    def logs(self) -> str:
        return "\n".join(log.read_text() for log in sorted(self.folder.glob("worker-*.log")))

    def stop(self) -> None:
        for process in self.workers:
            process.kill()
            process.wait()
        self.client.__exit__()

    def publish(self, group: str, ids: Sequence[str]) -> None:
        for job_id in ids:
            body = json.dumps(request_data(id=job_id)).encode()
            self.client.publish(REQUESTS_EXCHANGE, group, body, message_id=job_id)

    def consumers(self, group: str) -> int:
        declared = self.client.channel.queue_declare(f"tagfleet.{group}", passive=True)
        return int(declared.method.consumer_count)

    def is_there(self, group: str) -> bool:
        return consumers(self.client, f"tagfleet.{group}") is not None


@pytest.fixture
def ground(tmp_path: Path, amqp_url: str, mongodb_url: str, mongodb: object) -> Iterator[Ground]:
    found = Ground(tmp_path, amqp_url, mongodb_url)
    yield found
    found.stop()


def apply(queues: str) -> None:
    """Put rules with these queues in force; the last one takes what names none."""
    last = queues.rpartition(",")[2].partition(":")[0].strip()
    text = f"version: 1\nqueues: {{{queues}}}\nroutes: [{{name: all, queue: {last}}}]\n"
    files = {"rules.yaml": text.encode()}
    rule_sets.put_in_force(
        files,
        digest_of(files),
        applied_by="a test",
        note=None,
        replaces=rule_sets.version_in_force(),
    )


def done(ids: Sequence[str], group: str) -> bool:
    """Whether each of them is recorded as a job of the group."""
    return Job.objects(id__in=list(ids), tag_group=group).count() == len(ids)


def names(prefix: str, count: int = MANY) -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


def freeze(workers: Sequence[subprocess.Popen[bytes]], number: int = signal.SIGSTOP) -> None:
    for worker in workers:
        worker.send_signal(number)


def test_a_new_group_is_consumed_by_workers_that_run(ground: Ground) -> None:
    # Given
    apply("first: ")
    ground.start(count=2)
    assert not ground.is_there("second")
    # When
    apply("second: , first: ")
    # Then both take its requests
    eventually(lambda: ground.is_there("second") and ground.consumers("second") == 2)
    ground.publish("second", names("job", 5))
    eventually(lambda: done(names("job", 5), "second"))


def test_a_worker_of_one_group_takes_no_other(ground: Ground) -> None:
    apply("first: , mine: ")
    ground.start("--group", "mine")
    apply("first: , third: , mine: ")
    eventually(lambda: ground.is_there("third"))
    ground.publish("third", ["job-1"])
    ground.publish("mine", ["job-2"])
    eventually(lambda: done(["job-2"], "mine"))
    assert (ground.consumers("first"), ground.consumers("third")) == (0, 0)
    assert ground.consumers("mine") == 1


def test_a_removed_group_is_drained_and_then_its_queue_goes(ground: Ground) -> None:
    # Given requests in the queue of a group that is taken out while nobody can work at them
    apply("old: , rest: ")
    workers = ground.start(count=2)
    eventually(lambda: ground.consumers("old") == 2)
    freeze(workers)
    ground.publish("old", names("early"))
    apply("rest: ")
    # When the workers go on
    freeze(workers, signal.SIGCONT)
    # Then each is done as it was meant, and the queue goes
    eventually(lambda: done(names("early"), "old"))
    eventually(lambda: not ground.is_there("old"))
    eventually(lambda: request_queues.states()["old"][0] is QueueState.GONE)
    # And who still sends there is served as the rules say
    ground.publish("old", ["late"])
    eventually(lambda: done(["late"], "rest"))
    assert ground.client.depth("tagfleet.dead-letters") == 0


def test_a_queue_outlives_a_fleet_that_was_stopped_before_it_was_drained(ground: Ground) -> None:
    # Given a group that is taken out while no worker runs
    apply("old: , rest: ")
    for worker in ground.start():
        worker.terminate()
        assert worker.wait(60) == 0
    ground.publish("old", names("early"))
    apply("rest: ")
    # When a worker starts that has never heard of it
    ground.start()
    # Then
    eventually(lambda: done(names("early"), "old"))
    eventually(lambda: not ground.is_there("old"))


def test_what_a_killed_worker_had_in_hand_is_done_before_the_queue_goes(ground: Ground) -> None:
    # Given two workers, one of which is stopped with requests in its hands
    apply("old: , rest: ")
    stuck, other = ground.start(count=2)
    eventually(lambda: ground.consumers("old") == 2)
    freeze([stuck, other])
    ground.publish("old", names("job"))
    freeze([other], signal.SIGCONT)
    apply("rest: ")
    eventually(lambda: request_queues.states()["old"][0] is QueueState.DRAINING)
    eventually(lambda: ground.client.depth("tagfleet.old") == 0)
    # When all else is done, the queue still stands: RabbitMQ counts nothing of what is in hand
    in_hand = MANY - Job.objects(tag_group="old").count()
    soon(lambda: other.poll() is None and ground.is_there("old"))
    # And the worker dies
    stuck.kill()
    # Then the other does what it had
    eventually(lambda: done(names("job"), "old"))
    eventually(lambda: not ground.is_there("old"))
    assert in_hand > 0


def test_who_drains_may_die_as_well(ground: Ground) -> None:
    # Given a worker that has taken up a drain, and stops in the middle of it
    apply("old: , rest: ")
    [first] = ground.start()
    freeze([first])
    ground.publish("old", names("job"))
    apply("rest: ")
    freeze([first], signal.SIGCONT)
    eventually(lambda: request_queues.states()["old"][0] is QueueState.DRAINING)
    first.kill()
    # When another starts
    ground.start()
    # Then it ends the drain
    eventually(lambda: done(names("job"), "old"))
    eventually(lambda: not ground.is_there("old"))


def test_a_queue_that_is_to_be_kept_otherwise_is_made_anew(ground: Ground) -> None:
    # Given
    apply("etl: , rest: ")
    workers = ground.start(count=2)
    eventually(lambda: ground.consumers("etl") == 2)
    freeze(workers)
    ground.publish("etl", names("early"))
    # When it is to take fewer requests, while there are more in it
    apply("etl: {max_queued: 3, delivery_limit: 5}, rest: ")
    freeze(workers, signal.SIGCONT)
    # Then those that come meanwhile are done, too, as requests of the group
    ground.publish("etl", names("meanwhile", 20))
    eventually(lambda: done(names("early") + names("meanwhile", 20), "etl"))
    # And the new queue is kept as the rules say
    ground_arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 5,
        "x-max-length": 3,
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "tagfleet.dead-letters",
        "x-dead-letter-strategy": "at-least-once",
    }

    def stands_anew() -> bool:
        try:
            ground.client.channel.queue_declare(
                "tagfleet.etl", durable=True, arguments=ground_arguments
            )
        except Exception:
            consumers(
                ground.client, "tagfleet.clusters"
            )  # a new channel for the one that was closed
            return False
        return True

    eventually(
        lambda: (
            request_queues.states()["etl"][0] is QueueState.OPEN and ground.consumers("etl") == 2
        )
    )
    assert stands_anew()
    ground.publish("etl", names("late", 5))
    eventually(lambda: done(names("late", 5), "etl"))


def test_a_group_that_comes_back_while_it_is_drained_goes_on(ground: Ground) -> None:
    # Given a drain that cannot end, since a worker is stopped
    apply("old: , rest: ")
    stuck, _ = ground.start(count=2)
    eventually(lambda: ground.consumers("old") == 2)
    freeze([stuck])
    apply("rest: ")
    eventually(lambda: request_queues.states()["old"][0] is QueueState.DRAINING)
    # When it is in the rules again
    apply("old: , rest: ")
    # Then its requests go there as before
    eventually(lambda: request_queues.states()["old"][0] is QueueState.OPEN)
    freeze([stuck], signal.SIGCONT)
    ground.publish("old", names("job", 10))
    eventually(lambda: done(names("job", 10), "old"))
    eventually(lambda: ground.consumers("old") == 2)


def test_a_worker_that_cannot_read_the_rules_leaves_the_queues_alone(ground: Ground) -> None:
    # Given a worker, and rules of a newer fleet
    apply("old: , rest: ")
    ground.start()
    files = {"rules.yaml": b"version: 99\n"}
    rule_sets.put_in_force(files, digest_of(files), applied_by="x", note=None, replaces=1)
    eventually(lambda: "cannot be used here" in ground.logs())
    # Then it goes on by those that it had
    ground.publish("old", ["job-1"])
    eventually(lambda: done(["job-1"], "old"))
    # And so does one that starts now
    ground.start()
    eventually(lambda: ground.consumers("old") == 2)
    assert {state for state, _ in request_queues.states().values()} == {QueueState.OPEN}
