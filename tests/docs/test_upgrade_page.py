"""The upgrade with no downtime, as the page tells it, under a steady stream of jobs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models import jobs
from tagfleet.models.database import connect, disconnect, now
from tagfleet.models.schemas import load_job_request

from ..flow.fleet_process import PATIENCE_SECONDS, FleetProcess, bash_job, catalog
from .blocks import labelled

PAGE = "docs/upgrade.md"


class Reader:
    """Somebody who does what the page says, beside a fleet that has jobs all the time."""

    def __init__(self, fleet: FleetProcess) -> None:
        self.fleet, self.folder = fleet, fleet.data.parent
        self.old, self.new = fleet.cluster("old", 4), fleet.cluster("new", 4)

    def register_old(self, cluster_id: str, *tags: str) -> None:
        found = catalog(self.old, stepConcurrency=4)
        found["clusters"][0] |= {"id": cluster_id, "tags": ["type:yarn", *tags]}
        self.fleet.run("catalog", "apply", "-f", self.fleet.write("catalog.json", found))

    def write(self, *names: str) -> None:
        for name in names:
            text = labelled(PAGE, f"file: {name}").code
            text = text.replace("j-NEW", self.new).replace("j-OLD", self.old)
            (self.folder / name).write_text(text)

    def do(self, label: str) -> str:
        """Type the commands of a block; returns what they print."""
        printed = ""
        for command in labelled(PAGE, f"run: {label}").commands:
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-c", command.replace("j-NEW", self.new)],
                cwd=self.folder,
                env={**self.fleet.environment, "PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
            printed += done.stdout
        return printed

    def jobs(self) -> list[Any]:
        found: list[Any] = self.fleet.read("job", "list", "--limit", "2000")
        return found

    def until_newest_on(self, cluster_id: str, count: int) -> None:
        """Wait until so many jobs in a row went there, of those that were routed last."""

        def is_so() -> bool:
            routed = [job["clusterId"] for job in self.jobs() if job.get("clusterId")]
            return len(routed) >= count and set(routed[:count]) == {cluster_id}

        eventually(is_so)

    def until_on(self, cluster_id: str) -> None:
        eventually(lambda: any(job.get("clusterId") == cluster_id for job in self.jobs()))


def eventually(check: Any) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not check():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    fleet = FleetProcess(tmp_path / ".tagfleet").start()
    yield Reader(fleet)
    fleet.stop()


@contextmanager
def stream_of_jobs(fleet: FleetProcess, **request: Any) -> Iterator[None]:
    """Four jobs a second, as a scheduler sends them."""
    stopping = threading.Event()
    connect(fleet.addresses["mongodb"])

    def send() -> None:
        number = 0
        while not stopping.wait(0.25):
            number += 1
            found = load_job_request(bash_job("sleep 0.2", id=f"job-{number}", **request))
            jobs.record(found, "default", worker="test", ring_at=now(), queue_seconds=600)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        stopping.set()
        sender.join()
        disconnect()


def all_went_well(reader: Reader) -> Counter[str]:
    """Wait for the end of all jobs: none has failed. Returns how many each cluster had."""
    eventually(lambda: all(job["status"] == "SUCCEEDED" for job in ended_or_open(reader)))
    return Counter(job["clusterId"] for job in reader.jobs())


def ended_or_open(reader: Reader) -> list[Any]:
    found = reader.jobs()
    bad = [job for job in found if job["status"] in ("FAILED", "KILLED", "INVALID")]
    assert not bad, bad[0]
    return found


def test_a_new_cluster_takes_over_step_by_step_and_no_job_fails_to_route(reader: Reader) -> None:
    # Given an old cluster that takes all jobs
    reader.register_old("spark-old")
    reader.write("canary-5.yaml", "canary-50.yaml", "all.yaml")
    with stream_of_jobs(reader.fleet):
        reader.until_on("spark-old")
        # When the new one gets a little, then half, then all
        assert "No problems" in reader.do("canary")
        assert "runs" in reader.do("half")
        reader.until_on("spark-new")
        reader.do("all")
        reader.until_newest_on("spark-new", 8)
        # And the old one is taken out
        listed = reader.do("drain")
        assert "No job is left there." in listed
        assert "spark-old" not in listed.split("STATUS")[1]
        reader.until_newest_on("spark-new", 8)
    # Then every job has run, on the one or on the other
    counts = all_went_well(reader)
    assert set(counts) == {"spark-old", "spark-new"}


def test_moved_tags_move_the_jobs(reader: Reader) -> None:
    reader.register_old("sla-old", "sched:sla")
    reader.write("both.yaml", "moved.yaml")
    with stream_of_jobs(reader.fleet, clusterCriterias=[{"tags": ["sched:sla"]}]):
        reader.until_on("sla-old")
        assert reader.do("tags").count("cluster sla-new") == 2
        reader.until_newest_on("sla-new", 8)
    assert set(all_went_well(reader)) == {"sla-old", "sla-new"}
