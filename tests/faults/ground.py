"""What a run stands on: a RabbitMQ, a MongoDB and a local EMR of its own, each a real process."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika

from tagfleet.models import catalog, jobs
from tagfleet.models.aws import AwsClients
from tagfleet.models.database import connect, disconnect
from tagfleet.models.local_addresses import use_local_emr
from tagfleet.models.queues import EVENTS_EXCHANGE, INTAKE, REQUESTS_EXCHANGE, topology
from tagfleet.models.schemas import load_resource
from tagfleet.routing_rules.groups import load_rules

from ..rabbitmq import RabbitNode
from ..workers.local_emr.server import Server
from .database import Database
from .plan import CLUSTERS, Way

BUCKET = "faults"

#: Steps that a cluster runs at once.
CONCURRENCY = 8

#: Takes every event of the run; not one of the fleet's queues, which are lost in a run.
LISTENER = "faults.listener"

#: What makes a run quick, in the words that an admin has.
SETTINGS = {
    "TAGFLEET_METRICS_BIND": "",
    "TAGFLEET_BATCH_SECONDS": "0.2",
    "TAGFLEET_LEASE_SECONDS": "5",
    "TAGFLEET_LOOK_AHEAD": "4",
}


@dataclass
class Ground:
    """The services, and how to speak to each without the fleet."""

    rabbitmq: RabbitNode
    amqp_url: str
    database: Database
    emr: Server
    folder: Path

    def environment(self, way: Way) -> dict[str, str]:
        """What a worker process is given."""
        return {
            **os.environ,
            **SETTINGS,
            **self._settings_of(way),
            "TAGFLEET_AMQP_URL": self.amqp_url,
            "TAGFLEET_MONGODB_URL": self.database.url,
            "TAGFLEET_STAGING_URL": f"s3://{BUCKET}/staging",
            "TAGFLEET_ARCHIVE_URL": f"s3://{BUCKET}/archive",
        }

    def _settings_of(self, way: Way) -> dict[str, str]:
        match way:
            case Way.QUOTAS:
                return {"TAGFLEET_SWEEP_SECONDS": "5"}
            case Way.EVENTS:
                return {
                    "TAGFLEET_EMR_QUOTAS": "none",
                    "TAGFLEET_EMR_EVENTS_URL": f"{self.emr.url}/000000000000/emr-events",
                    "TAGFLEET_EVENTS_SWEEP_SECONDS": "10",
                    "TAGFLEET_SWEEP_SECONDS": "1",
                }
            case Way.POLLS:
                return {"TAGFLEET_EMR_QUOTAS": "none", "TAGFLEET_SWEEP_SECONDS": "0.5"}

    @property
    def marks(self) -> Path:
        """The file in which each job that runs leaves a line."""
        return self.folder / "marks"

    def admin(self, method: str, route: str, body: Any = None) -> Any:
        """Call one of the local EMR's routes below `/_local/`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.emr.url}/_local/{route}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def publish(self, body: bytes) -> None:
        """Send a message as any stranger does."""
        with pika.BlockingConnection(pika.URLParameters(self.amqp_url)) as connection:
            connection.channel().basic_publish(REQUESTS_EXCHANGE, INTAKE, body)

    def lose_queues(self) -> None:
        """Delete every queue of the fleet, with all that is in it."""
        with pika.BlockingConnection(pika.URLParameters(self.amqp_url)) as connection:
            channel = connection.channel()
            for queue in topology(load_rules(None).names).queues:
                channel.queue_delete(queue.name)

    def listen(self) -> None:
        """Keep all events from now on."""
        with pika.BlockingConnection(pika.URLParameters(self.amqp_url)) as connection:
            channel = connection.channel()
            channel.exchange_declare(EVENTS_EXCHANGE, "topic", durable=True)
            channel.queue_declare(LISTENER, durable=True)
            channel.queue_bind(LISTENER, EVENTS_EXCHANGE, "job.#")

    def events(self) -> list[dict[str, Any]]:
        """All events that were kept."""
        found: list[dict[str, Any]] = []
        with pika.BlockingConnection(pika.URLParameters(self.amqp_url)) as connection:
            channel = connection.channel()
            while True:
                method, _, body = channel.basic_get(LISTENER, auto_ack=True)
                if method is None:
                    return found
                found.append(json.loads(body))


@contextmanager
def ground(rabbitmq: RabbitNode, amqp_url: str, folder: Path) -> Iterator[Ground]:
    """All services for a run, with clusters that run bash; this process is connected to them too."""
    with ExitStack() as stack:
        database = Database(folder / "mongodb")
        stack.callback(database.kill)
        database.start()
        emr = stack.enter_context(Server(folder / "emr", "--max-processes", "8"))
        stack.enter_context(use_local_emr(emr.url))
        connect(database.url)
        stack.callback(disconnect)
        jobs.ensure_indexes()
        _register()
        found = Ground(rabbitmq, amqp_url, database, emr, folder)
        found.marks.touch()
        found.listen()
        yield found


def _register() -> None:
    clients = AwsClients()
    clients.s3().create_bucket(Bucket=BUCKET)
    common = {"user": "ops", "version": "1"}
    bash = {
        "id": "bash",
        "name": "bash",
        **common,
        "tags": ["type:bash"],
        "executableAndArguments": ["bash", "-c"],
        "clusterCriteria": [{"tags": ["type:yarn"]}],
    }
    entries = [load_resource("commands", bash)]
    for name in (f"cluster-{number}" for number in range(CLUSTERS)):
        answer = clients.emr().run_job_flow(
            Name=name,
            LogUri=f"s3://{BUCKET}/logs",
            StepConcurrencyLevel=CONCURRENCY,
            Instances={"KeepJobFlowAliveWhenNoSteps": True},
        )
        engine = {
            "type": "emr",
            "clusterId": answer["JobFlowId"],
            "stepConcurrency": CONCURRENCY,
            "logUri": f"s3://{BUCKET}/logs",
        }
        cluster = {
            "id": name,
            "name": name,
            **common,
            "tags": ["type:yarn", name],
            "engine": engine,
        }
        entries.append(load_resource("clusters", cluster))
    catalog.apply(entries)
    clients.close()
