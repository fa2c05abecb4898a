"""`tagfleet demo`: registers clusters and commands, publishes three jobs, and shows what became of them."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from ...models import catalog, endpoints, jobs
from ...models.aws import AwsClients
from ...models.database import connect, disconnect
from ...models.errors import JobNotFound, ServiceUnavailable, TagfleetError
from ...models.job import Job
from ...models.job_logs import read_log
from ...models.local_addresses import use_local_emr
from ...models.processes import dies_with_parent, make_folder, stop
from ...models.resources import JobRequest
from ...models.schemas import load_job_request
from ...models.settings import Settings
from ...models.states import JobStatus
from ...models.storage import open_storage
from ...routing_rules.catalog_files import read_catalog
from ...routing_rules.explanation import render
from ...routing_rules.positions import read_documents
from ..submit import submit

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient

BUCKET = "tagfleet-demo"

#: How long the fleet may take to start, and then the jobs to end, in seconds.
START_SECONDS = 120.0
JOBS_SECONDS = 600.0

#: How each of the three jobs must end.
EXPECTED = {
    "busiest-zones": JobStatus.SUCCEEDED,
    "average-tip": JobStatus.FAILED,
    "on-presto": JobStatus.FAILED,
}


@dataclass(slots=True)
class Followed:
    """A job that is being followed, and how much of its history was printed."""

    request: JobRequest
    shown: int = 0
    job: Job | None = None

    @property
    def has_ended(self) -> bool:
        """Whether all is known of it: its end, and where its logs are."""
        return bool(self.job and self.job.status.is_terminal and self.job.archive_status)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command: it has no options, all is set by the environment."""


def main(arguments: argparse.Namespace) -> int:
    """Run the demo; returns 0 when all three jobs ended as they should."""
    settings = Settings.from_environ()
    begin = time.monotonic()
    with _fleet(settings) as addresses:
        if "emr" not in addresses:
            raise TagfleetError(
                "The demo runs on the local EMR: unset AWS_ENDPOINT_URL and TAGFLEET_STAGING_URL."
            )
        connect(addresses["mongodb"])
        with use_local_emr(addresses["emr"]):
            _heading(
                "The catalog: two clusters, two Spark commands, one application with a setup file"
            )
            _register(settings)
            _heading("Three jobs are published")
            followed = _publish(settings)
            _follow(followed)
            for one in followed:
                _show(one)
        disconnect()
    wrong = [
        one for one in followed if one.job and one.job.status is not EXPECTED[one.request.name]
    ]
    _heading(
        f"{'Not all' if wrong else 'All three'} jobs ended as they should, after {time.monotonic() - begin:.0f} s"
    )
    for one in wrong:
        print(f"{one.request.name} should have ended {EXPECTED[one.request.name]}")
    if not wrong:
        print(
            "Next: `tagfleet up` starts a fleet to try your own jobs on; docs/quickstart.md leads through it."
        )
    return 1 if wrong else 0


@contextmanager
def _fleet(settings: Settings) -> Iterator[Mapping[str, str]]:
    """The fleet that runs on TAGFLEET_DATA, or one that is started for the demo."""
    _heading("The fleet: a database, an EMR with S3, and workers, all on this machine")
    make_folder(settings.data)
    log = settings.data / "demo.log"
    endpoints.remove(settings.data)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tagfleet", "up"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=dies_with_parent(),
        )  # fmt: skip
    try:
        yield _wait(process, settings.data, log)
    finally:
        stop(process)


def _wait(process: subprocess.Popen[bytes], data: Path, log: Path) -> Mapping[str, str]:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if addresses := endpoints.read(data):
            for name, address in addresses.items():
                print(f"  {name:<8} {address}")
            print(f"  log      {log}")
            return addresses
        time.sleep(0.1)
    last = log.read_text(errors="replace").strip().splitlines()[-1:]
    raise ServiceUnavailable(
        "The fleet", str(data), " ".join(last) or "it does not start", f"See {log}."
    )


def _register(settings: Settings) -> None:
    clients = AwsClients()
    files = resources.files(__package__) / "files"
    s3, emr = clients.s3(), clients.emr()
    s3.create_bucket(Bucket=BUCKET)
    for name in ("trips.csv", "busiest_zones.py", "average_tip.py", "report_setup.sh"):
        s3.put_object(Bucket=BUCKET, Key=name, Body=(files / name).read_bytes())
    names = {
        "bucket": BUCKET,
        "sla": _cluster(emr, "demo-sla"),
        "adhoc": _cluster(emr, "demo-adhoc"),
    }
    filled = settings.data / "demo-catalog.yaml"
    filled.write_text(Template((files / "catalog.yaml").read_text()).substitute(names))
    files_read = read_catalog([filled])
    for change, entry in catalog.apply(
        [*files_read.applications, *files_read.commands, *files_read.clusters]
    ):
        print(
            f"  {change:<9}  {type(entry).__name__.lower():<11} {entry.id:<17} {', '.join(sorted(entry.tags))}"
        )


def _cluster(emr: EMRClient, name: str) -> str:
    for page in emr.get_paginator("list_clusters").paginate(
        ClusterStates=["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
    ):
        for found in page["Clusters"]:
            if found["Name"] == name:
                return found["Id"]
    answer = emr.run_job_flow(
        Name=name,
        LogUri=f"s3://{BUCKET}/emr-logs",
        StepConcurrencyLevel=2,
        Instances={"KeepJobFlowAliveWhenNoSteps": True},
    )
    return answer["JobFlowId"]


def _publish(settings: Settings) -> list[Followed]:
    text = (resources.files(__package__) / "files" / "jobs.yaml").read_text()
    followed = []
    for document in read_documents(Template(text).substitute(bucket=BUCKET).encode(), "jobs.yaml"):
        request = load_job_request(document.data)
        submit(settings, request)
        criteria = " or else ".join(str(criterion) for criterion in request.cluster_criteria)
        print(
            f"  {request.name:<14} command with {request.command_criterion}; cluster with {criteria}"
        )
        followed.append(Followed(request))
    print()
    return followed


def _follow(followed: list[Followed]) -> None:
    end = time.monotonic() + JOBS_SECONDS
    while not all(one.has_ended for one in followed):
        if time.monotonic() > end:
            raise TagfleetError(f"The jobs have not ended after {JOBS_SECONDS:.0f} s.")
        for one in followed:
            try:
                one.job = jobs.get(one.request.id)
            except JobNotFound:
                continue  # still on its way through RabbitMQ
            for entry in one.job.history[one.shown :]:
                print(
                    f"  {entry.time.astimezone():%H:%M:%S}  {one.request.name:<14} {entry.status:<10} {entry.message}",
                    flush=True,
                )
            one.shown = len(one.job.history)
        time.sleep(0.2)


def _show(one: Followed) -> None:
    job = one.job
    assert job
    _heading(f"{job.name}: {job.status}")
    print("Why there:")
    _indent(render(json.loads(job.rationale_json or "{}")))
    print("When:")
    _indent(
        "   ".join(
            f"{entry.status} {entry.time.astimezone():%H:%M:%S.%f}"[:-3] for entry in job.history
        )
    )
    if job.status is JobStatus.SUCCEEDED and job.archive_location:
        print("Its output:")
        archive = open_storage(job.archive_location, AwsClients())
        _indent(b"".join(read_log(archive, "stdout")).decode(errors="replace"))
    if job.diagnosis:
        print("Probable cause:")
        _indent(job.diagnosis.cause)
    print(f"Logs: {job.archive_location or 'none: it never reached a cluster'}")
    print(
        f"      tagfleet job logs {job.id}"
        if job.archive_location
        else f"      tagfleet job get {job.id}"
    )


def _indent(text: str) -> None:
    for line in text.rstrip().splitlines():
        print(f"  {line}")


def _heading(text: str) -> None:
    print(f"\n== {text}", flush=True)
