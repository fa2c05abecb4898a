"""Jobs on the local EMR, from their submission to their ends, by what EMR's events tell."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models import catalog, jobs, lifecycle
from tagfleet.models.lifecycle import Move
from tagfleet.models.settings import Settings
from tagfleet.models.states import JobStatus
from tagfleet.workers.accept import accept
from tagfleet.workers.embedded.local_bus import LocalBus
from tagfleet.workers.fleet import Fleet
from tagfleet.workers.local_emr.server import LocalEmr
from tagfleet.workers.process import open_fleet, working
from tagfleet.workers.stages import declare_stages

from ...emr_fixtures import Emr
from ...models.samples import a_cluster, a_command, request_data
from ..samples import NotedBus, a_delivery

#: How long all jobs may take, in seconds; only a failure takes as long.
PATIENCE = 120.0

#: What a status may be asked by.
STATUS_CALLS = ("ListSteps", "DescribeStep", "DescribeCluster", "ListClusters")


class Ends:
    """The ends of jobs, which can be awaited."""

    def __init__(self) -> None:
        self._all_there = threading.Condition()
        self._ended: Counter[str] = Counter()

    def note(self, move: Move) -> None:
        if move.after.is_terminal:
            with self._all_there:
                self._ended[move.job_id] += 1
                self._all_there.notify_all()

    def wait_for(self, job_ids: Sequence[str]) -> None:
        """Wait until each of them has ended; none must end twice."""
        with self._all_there:
            found = self._all_there.wait_for(lambda: self._ended.keys() >= set(job_ids), PATIENCE)
        assert found, f"open: {sorted(set(job_ids) - self._ended.keys())}"
        assert {self._ended[job_id] for job_id in job_ids} == {1}


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Ends:
    found = Ends()
    monkeypatch.setattr(lifecycle, "_listeners", [*lifecycle._listeners, found.note])
    return found


@contextmanager
def a_working_fleet(server: LocalEmr, folder: Path, **settings: str) -> Iterator[Fleet]:
    """A fleet whose queue is in this process; it listens to the events of the local EMR."""
    paces = {
        "BATCH_SECONDS": "0.2",
        "LOOK_AHEAD": "20",
        "EMR_EVENTS_URL": str(server.events_queue_url),
        "SWEEP_SECONDS": "3600",
        "EVENTS_SWEEP_SECONDS": "3600",
    }
    variables = {f"TAGFLEET_{name}": value for name, value in (paces | settings).items()}
    stores = {"staging_url": str(folder / "staging"), "archive_url": str(folder / "archive")}
    bus = LocalBus()
    fleet = open_fleet(Settings.from_environ(variables), bus, **stores)
    declare_stages(bus.broker, fleet)
    with working(bus.broker, fleet, queues=None, threads=4):
        yield fleet
    bus.broker.close()


@pytest.fixture
def cluster(mongodb: object, emr: Emr) -> str:
    """A cluster in the catalog, and a command that runs a script there."""
    cluster_id = emr.cluster(concurrency=4)
    catalog.apply([a_command(executableAndArguments=["bash", "-c"])])
    catalog.apply(
        [a_cluster(engine={"type": "emr", "clusterId": cluster_id, "stepConcurrency": 4})]
    )
    emr.calls()
    return cluster_id


def submit(fleet: Fleet, scripts: Sequence[str], **changes: Any) -> list[str]:
    """Accept a job for each script; their ids."""
    job_ids = [f"job-{number}" for number in range(len(scripts))]
    for job_id, script in zip(job_ids, scripts, strict=True):
        data = request_data(id=job_id, commandArgs=[script], **changes)
        accept(fleet, NotedBus(), a_delivery(data))
    return job_ids


def status_calls(emr: Emr) -> int:
    calls = emr.calls()
    return sum(calls.get(name, 0) for name in STATUS_CALLS)


def steps_of(emr: Emr, cluster: str) -> list[str]:
    return sorted(step["Name"].split()[0] for step in emr.steps(cluster))


#: One job of three fails.
SCRIPTS = ["true", "exit 3", "sleep 0.1"] * 8
ENDS = [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.SUCCEEDED] * 8


def test_jobs_are_followed_to_their_ends_without_one_status_call(
    emr: Emr, server: LocalEmr, cluster: str, ends: Ends, tmp_path: Path
) -> None:
    # Given a fleet whose next sweep is an hour away
    with a_working_fleet(server, tmp_path) as fleet:
        # When jobs run, more than the cluster takes at once
        job_ids = submit(fleet, SCRIPTS)
        ends.wait_for(job_ids)
    # Then all end as their steps did, and EMR was never asked
    assert status_calls(emr) == 0
    assert [jobs.get(job_id).status for job_id in job_ids] == ENDS
    assert steps_of(emr, cluster) == sorted(f"{job_id}.1" for job_id in job_ids)


def test_a_submission_whose_answer_is_lost_is_adopted_by_its_events(
    emr: Emr, server: LocalEmr, cluster: str, ends: Ends, tmp_path: Path
) -> None:
    # Given a call that EMR does, and whose answer never comes
    emr.fault("AddJobFlowSteps", "drop")
    with a_working_fleet(server, tmp_path) as fleet:
        job_ids = submit(fleet, ["true", "true", "true"])
        ends.wait_for(job_ids)
    # Then nobody had to look for the steps, and each job has one
    assert status_calls(emr) == 0
    assert steps_of(emr, cluster) == [f"{job_id}.1" for job_id in job_ids]


@pytest.mark.parametrize("seed", [1, 2])
def test_events_that_get_lost_come_twice_or_late_change_no_end(
    emr: Emr, server: LocalEmr, cluster: str, ends: Ends, tmp_path: Path, seed: int
) -> None:
    # Given events that are dropped, doubled and shuffled, and a sweep that heals
    faults = [
        {"mode": "drop", "probability": 0.3, "seed": seed},
        {"mode": "double", "probability": 0.3, "seed": seed + 100},
        {"mode": "shuffle", "probability": 0.5, "seconds": 2, "seed": seed + 200},
    ]
    emr.ask("POST", "faults", {"events": faults})
    paces = {"SWEEP_SECONDS": "2", "EVENTS_SWEEP_SECONDS": "2"}
    with a_working_fleet(server, tmp_path, **paces) as fleet:
        # When jobs run
        job_ids = submit(fleet, SCRIPTS)
        ends.wait_for(job_ids)
    # Then each ends as its step did, and had one
    assert [jobs.get(job_id).status for job_id in job_ids] == ENDS
    assert steps_of(emr, cluster) == sorted(f"{job_id}.1" for job_id in job_ids)


def test_the_end_of_a_cluster_is_heard_and_its_jobs_do_not_wait_for_the_sweep(
    emr: Emr, server: LocalEmr, cluster: str, ends: Ends, tmp_path: Path
) -> None:
    # Given a job that runs; of its end, no event will come
    emr.ask("POST", "faults", {"events": {"mode": "drop", "keys": ["CANCELLED", "FAILED"]}})
    with a_working_fleet(server, tmp_path) as fleet:
        [job_id] = submit(fleet, ["sleep 600"])
        _until_running(emr, cluster)
        # When its cluster is terminated
        emr.clients.emr().terminate_job_flows(JobFlowIds=[cluster])
        # Then the job ends, though the next sweep was an hour away
        ends.wait_for([job_id])
    assert jobs.get(job_id).status is JobStatus.FAILED


def _until_running(emr: Emr, cluster: str) -> None:
    for _ in range(600):
        if any(step["Status"]["State"] == "RUNNING" for step in emr.steps(cluster)):
            return
        emr.ask("GET", "health")
    raise AssertionError("no step runs")
