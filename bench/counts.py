"""What a job costs in calls and messages: 200 jobs on 4 clusters, counted, not timed.

    PYTHONPATH=.src:. python bench/counts.py

A real RabbitMQ, the embedded MongoDB over its socket, the local EMR over HTTP. Exits 1 when a count is
above its limit.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pymongo
from pymongo import monitoring
from tests.rabbitmq import RabbitNode

from tagfleet.models import amqp, catalog, jobs
from tagfleet.models.aws import AwsClients
from tagfleet.models.database import connect, disconnect
from tagfleet.models.embedded_mongodb import served
from tagfleet.models.local_addresses import use_local_emr
from tagfleet.models.schemas import load_resource
from tagfleet.models.settings import Settings
from tagfleet.producers.publisher import Publisher
from tagfleet.workers.local_emr.server import LocalEmr
from tagfleet.workers.rabbit_worker import rabbit_fleet

JOBS, CLUSTERS = 200, 4
LIMITS = {"EMR API calls": 0.2, "AMQP messages": 4.0, "MongoDB commands": 12.0}


class Commands(monitoring.CommandListener):
    """Counts MongoDB commands by name, of every client that is made after it was registered."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Count it."""
        self.counts[event.command_name] += 1

    def succeeded(self, event: object) -> None:
        """Counted already."""

    def failed(self, event: object) -> None:
        """Counted already."""


def main() -> int:
    """Run the jobs and print the table."""
    counted = Counter[str]()
    _count_publishing(counted)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rabbitmq = RabbitNode(folder / "rabbitmq")
        rabbitmq.start()
        stack.callback(rabbitmq.stop)
        mongodb = stack.enter_context(served(folder / "mongodb"))
        emr = stack.enter_context(LocalEmr(folder / "emr", max_processes=64))
        stack.enter_context(use_local_emr(emr.url))
        watcher: pymongo.MongoClient[dict[str, Any]] = stack.enter_context(
            pymongo.MongoClient(mongodb)
        )
        commands = Commands()
        monitoring.register(commands)
        connect(mongodb)
        stack.callback(disconnect)
        jobs.ensure_indexes()
        settings = Settings.from_environ(
            {
                "TAGFLEET_AMQP_URL": rabbitmq.url(),
                # On a busy machine the run takes longer, and a look costs the same: few of them.
                "TAGFLEET_SWEEP_SECONDS": "8",
                "TAGFLEET_BATCH_SECONDS": "2",
                "TAGFLEET_LOOK_AHEAD": "25",
                "TAGFLEET_EMR_QUOTAS": "none",
            }
        )
        _register()
        stack.enter_context(_workers(settings))
        urllib.request.urlopen(
            urllib.request.Request(f"{emr.url}/_local/calls", method="DELETE")
        ).close()
        commands.counts.clear()
        counted.clear()
        _publish(rabbitmq.url())
        ended = _wait(watcher)
        with urllib.request.urlopen(f"{emr.url}/_local/calls") as answer:
            calls = {name: n for name, n in json.load(answer).items() if not name.startswith("s3:")}
        return _report(
            ended,
            {"EMR API calls": calls, "AMQP messages": counted, "MongoDB commands": commands.counts},
        )


def _count_publishing(counted: Counter[str]) -> None:
    publish = amqp.AmqpConnection.publish

    def counting(self: amqp.AmqpConnection, outgoing: amqp.Outgoing) -> Any:
        counted[outgoing.exchange or outgoing.routing_key] += 1
        return publish(self, outgoing)

    amqp.AmqpConnection.publish = counting  # type: ignore[method-assign]


def _register() -> None:
    clients = AwsClients()
    clients.s3().create_bucket(Bucket="bench")
    common = {"user": "bench", "version": "1"}
    entries = [
        load_resource(
            "commands",
            {
                "id": "sleep", "name": "sleep", **common, "tags": ["type:sleep"],
                "executableAndArguments": ["sleep"], "clusterCriteria": [{"tags": ["type:yarn"]}],
            },
        )
    ]  # fmt: skip
    for number in range(CLUSTERS):
        answer = clients.emr().run_job_flow(
            Name=f"bench-{number}",
            LogUri="s3://bench/logs",
            StepConcurrencyLevel=25,
            Instances={"KeepJobFlowAliveWhenNoSteps": True},
        )
        engine = {
            "type": "emr",
            "clusterId": answer["JobFlowId"],
            "stepConcurrency": 25,
            "logUri": "s3://bench/logs",
        }
        name = f"bench-{number}"
        entries.append(
            load_resource(
                "clusters",
                {"id": name, "name": name, **common, "tags": ["type:yarn", name], "engine": engine},
            )
        )
    catalog.apply(entries)


@contextmanager
def _workers(settings: Settings) -> Iterator[None]:
    stores = {"staging_url": "s3://bench/staging", "archive_url": "s3://bench/archive"}
    with rabbit_fleet(settings, threads=8, **stores):
        yield


def _publish(url: str) -> None:
    requests = [
        {
            "name": f"job {number}", "user": "bench", "version": "1", "commandCriteria": ["type:sleep"],
            "clusterCriterias": [{"tags": [f"bench-{number % CLUSTERS}"]}], "commandArgs": ["1"],
        }
        for number in range(JOBS)
    ]  # fmt: skip
    with Publisher(url) as publisher:
        results = publisher.publish_many(requests, routing_key="default")
    assert all(result.error is None for result in results)


def _wait(watcher: pymongo.MongoClient[dict[str, Any]]) -> Counter[str]:
    """Wait until every job has ended and is archived, by a client whose commands are not counted."""
    jobs = watcher.get_default_database()["jobs"]
    pause, end = threading.Event(), time.monotonic() + 600
    while jobs.count_documents({"archive_status": "ARCHIVED"}) < JOBS:
        if time.monotonic() > end:
            break
        pause.wait(0.5)
    return Counter(found["status"] for found in jobs.find({}, {"status": 1}))


def _report(ended: Counter[str], counts: dict[str, Counter[str] | dict[str, int]]) -> int:
    print(f"{JOBS} jobs on {CLUSTERS} clusters: {dict(ended)}\n")
    print(f"{'per job':<20} {'counted':>8} {'at most':>8}   of which")
    exit_code = 0 if ended == {"SUCCEEDED": JOBS} else 1
    for name, found in counts.items():
        per_job = sum(found.values()) / JOBS
        exit_code |= per_job > LIMITS[name]
        parts = ", ".join(
            f"{part} {n}" for part, n in sorted(found.items(), key=lambda item: -item[1])[:6]
        )
        print(f"{name:<20} {per_job:>8.2f} {LIMITS[name]:>8.1f}   {parts}")
    return int(exit_code)


if __name__ == "__main__":
    sys.exit(main())
