"""What 1,000 jobs cost in status calls when EMR's events are listened to: counted, not timed.

    PYTHONPATH=.src:. python bench/events.py

The embedded MongoDB over its socket, the local EMR with its S3 and SQS over HTTP. Exits 1 when EMR was
asked more often how the jobs do than the slow sweep has to.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.emr_fixtures import BUCKET, Emr

from tagfleet.models import catalog, jobs
from tagfleet.models.aws import AwsClients
from tagfleet.models.database import connect, disconnect, now
from tagfleet.models.embedded_mongodb import served
from tagfleet.models.job import Job
from tagfleet.models.local_addresses import use_local_emr
from tagfleet.models.schemas import load_job_request, load_resource
from tagfleet.models.settings import Settings
from tagfleet.models.states import JobStatus
from tagfleet.workers.embedded.local_bus import LocalBus
from tagfleet.workers.local_emr.server import LocalEmr
from tagfleet.workers.process import open_fleet, working
from tagfleet.workers.stages import declare_stages

JOBS, CLUSTERS, CONCURRENCY = 1_000, 4, 25
SWEEP_SECONDS = 60

#: A sweep lists what a cluster has been given and has not ended: twice 25 steps, 50 a page.
PAGES_A_SWEEP = 2

STATUS_CALLS = ("ListSteps", "DescribeStep", "DescribeCluster", "ListClusters")


def main() -> int:
    """Run the jobs and print what they cost."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mongodb = stack.enter_context(served(folder / "mongodb"))
        server = stack.enter_context(LocalEmr(folder / "emr", max_processes=16))
        stack.enter_context(use_local_emr(server.url))
        emr = Emr(server.url, AwsClients())
        connect(mongodb)
        stack.callback(disconnect)
        jobs.ensure_indexes()
        _register(emr)
        emr.calls()
        began = time.monotonic()
        _record()
        with _workers(str(server.events_queue_url)):
            _wait()
        return _report(emr, time.monotonic() - began)


def _register(emr: Emr) -> None:
    emr.clients.s3().create_bucket(Bucket=BUCKET)
    common = {"user": "bench", "version": "1"}
    command = {
        "id": "true", "name": "true", **common, "tags": ["type:true"],
        "executableAndArguments": ["true"], "clusterCriteria": [{"tags": ["type:yarn"]}],
    }  # fmt: skip
    clusters = [
        {
            "id": f"bench-{number}",
            "name": f"bench-{number}",
            **common,
            "tags": ["type:yarn", f"bench-{number}"],
            "engine": {
                "type": "emr",
                "clusterId": emr.cluster(concurrency=CONCURRENCY),
                "stepConcurrency": CONCURRENCY,
                "logUri": f"s3://{BUCKET}/logs",
            },
        }
        for number in range(CLUSTERS)
    ]
    catalog.apply(
        [
            load_resource("commands", command),
            *(load_resource("clusters", cluster) for cluster in clusters),
        ]
    )


def _record() -> None:
    """Record the jobs as a submitter does that has no broker; the clock takes them up."""
    for number in range(JOBS):
        request = load_job_request(
            {
                "id": f"job-{number}", "name": f"job {number}", "user": "bench", "version": "1",
                "commandCriteria": ["type:true"], "commandArgs": [],
                "clusterCriterias": [{"tags": [f"bench-{number % CLUSTERS}"]}],
            }
        )  # fmt: skip
        jobs.record(request, "default", worker="bench", ring_at=now(), queue_seconds=3600)


@contextmanager
def _workers(events_url: str) -> Iterator[None]:
    settings = Settings.from_environ(
        {
            "TAGFLEET_EMR_EVENTS_URL": events_url,
            "TAGFLEET_EVENTS_SWEEP_SECONDS": str(SWEEP_SECONDS),
            "TAGFLEET_LOOK_AHEAD": str(CONCURRENCY),
        }
    )
    stores = {"staging_url": f"s3://{BUCKET}/staging", "archive_url": f"s3://{BUCKET}/archive"}
    bus = LocalBus()
    fleet = open_fleet(settings, bus, **stores)
    declare_stages(bus.broker, fleet)
    with working(bus.broker, fleet, queues=None, threads=8):
        yield
    bus.broker.close()


def _wait() -> None:
    pause, end = threading.Event(), time.monotonic() + 900
    ended = [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.KILLED, JobStatus.INVALID]
    while Job.objects(status__in=ended).count() < JOBS and time.monotonic() < end:
        pause.wait(1)


def _report(emr: Emr, seconds: float) -> int:
    calls = {name: n for name, n in emr.calls().items() if not name.startswith("sqs:")}
    asked = sum(calls.get(name, 0) for name in STATUS_CALLS)
    # The first look is due when the first one would have been, were there no events.
    sweeps = int(seconds // SWEEP_SECONDS) + 1
    limit = CLUSTERS * sweeps * PAGES_A_SWEEP
    statuses = Counter(str(status) for status in Job.objects.scalar("status"))
    submitted = sum(len(emr.steps(cluster)) for cluster in _clusters())
    print(f"{JOBS} jobs on {CLUSTERS} clusters: {dict(statuses)}; {submitted} steps\n")
    print(f"status calls {asked}, at most {limit}: {sweeps} sweeps of {CLUSTERS} clusters")
    print(f"all calls    {sum(calls.values())}: {calls}")
    return int(asked > limit or submitted != JOBS or statuses != {"SUCCEEDED": JOBS})


def _clusters() -> list[str]:
    return list(Job.objects.distinct("emr_cluster_id"))


if __name__ == "__main__":
    sys.exit(main())
