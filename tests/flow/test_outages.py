"""What a worker relies on goes away and comes back: nothing is lost, and nothing runs twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models import catalog, jobs
from tagfleet.models.database import connect, disconnect
from tagfleet.models.embedded_mongodb import PROGRAM
from tagfleet.models.processes import dies_with_parent, free_port
from tagfleet.models.schemas import load_resource
from tagfleet.producers.publisher import Publisher

from ..emr_fixtures import BUCKET, Emr
from ..rabbitmq import RabbitNode
from .fleet_process import PATIENCE_SECONDS, bash_job
from .fleet_process import catalog as catalog_data


class Database:
    """A MongoDB that can be killed, and comes back at the same address."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder = free_port(), folder
        self.url = f"mongodb://127.0.0.1:{self.port}/tagfleet?retryWrites=false"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = str(Path(sys.executable).parent / PROGRAM)
        (self._folder / "config.toml").touch()
        command = [program, "--config", str(self._folder / "config.toml"), "--port", str(self.port)]
        command += ["--storage-path", str(self._folder / "files"), "--sync-on-commit"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, preexec_fn=dies_with_parent()
            )

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    folder = tmp_path / "mongodb"
    folder.mkdir()
    found = Database(folder)
    found.start()
    wait_until(lambda: _connects(found.url))
    yield found
    disconnect()
    found.kill()


@pytest.fixture
def worker(
    database: Database, chaos_url: str, emr: Emr, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`tagfleet worker` with a cluster that runs bash."""
    for kind, entries in catalog_data(emr.cluster(), logUri=f"s3://{BUCKET}/logs").items():
        catalog.apply([load_resource(kind, entry) for entry in entries])
    environment = {
        **os.environ,
        "TAGFLEET_AMQP_URL": chaos_url,
        "TAGFLEET_MONGODB_URL": database.url,
        "TAGFLEET_STAGING_URL": f"s3://{BUCKET}/staging",
        "TAGFLEET_ARCHIVE_URL": f"s3://{BUCKET}/archive",
        "TAGFLEET_METRICS_BIND": "",
        "TAGFLEET_SWEEP_SECONDS": "0.5",
        "TAGFLEET_BATCH_SECONDS": "0.2",
        "TAGFLEET_LEASE_SECONDS": "30",
        "TAGFLEET_EMR_QUOTAS": "none",
    }
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tagfleet", "worker", "--processes", "2"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    print((tmp_path / "worker.log").read_text()[-8000:])


def _connects(url: str) -> bool:
    try:
        connect(url)
    except Exception:  # whatever it is, it is not there yet
        return False
    return True


def wait_until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def publish(url: str, marks: Path, names: list[str]) -> None:
    with Publisher(url) as publisher:
        for name in names:
            publisher.publish(bash_job(f"echo {name} >> {marks}", id=name), routing_key="default")


def ended(names: list[str]) -> bool:
    found = jobs.get_all(names)
    return len(found) == len(names) and all(job.status.is_terminal for job in found)


def check(marks: Path, names: list[str]) -> None:
    """Every job has run, once."""
    wait_until(lambda: ended(names))
    assert {str(job.status) for job in jobs.get_all(names)} == {"SUCCEEDED"}
    assert Counter(marks.read_text().split()) == dict.fromkeys(names, 1)


@pytest.mark.usefixtures("worker")
def test_jobs_published_around_a_killed_broker_run_once(
    chaos_rabbitmq: RabbitNode, chaos_url: str, tmp_path: Path
) -> None:
    # Given jobs on their way
    names = [f"job-{number}" for number in range(10)]
    wait_until(lambda: _publishes(chaos_url, tmp_path / "marks", names[:5]))
    chaos_rabbitmq.flush()
    # When the broker is killed and comes back
    chaos_rabbitmq.kill9()
    chaos_rabbitmq.restart()
    wait_until(lambda: _publishes(chaos_url, tmp_path / "marks", names[5:]))
    # Then
    check(tmp_path / "marks", names)


@pytest.mark.usefixtures("worker")
def test_jobs_published_while_the_database_is_away_run_once(
    database: Database, chaos_url: str, tmp_path: Path
) -> None:
    # Given a worker at work
    names = [f"job-{number}" for number in range(6)]
    wait_until(lambda: _publishes(chaos_url, tmp_path / "marks", names[:1]))
    wait_until(lambda: ended(names[:1]))
    # When the database is killed, jobs are published, and it comes back
    database.kill()
    publish(chaos_url, tmp_path / "marks", names[1:])
    database.start()
    wait_until(lambda: _connects(database.url))
    # Then
    check(tmp_path / "marks", names)


@pytest.mark.usefixtures("database")
def test_a_killed_worker_process_is_replaced_and_its_jobs_run_once(
    worker: subprocess.Popen[bytes], chaos_url: str, tmp_path: Path
) -> None:
    # Given jobs on their way
    names = [f"job-{number}" for number in range(8)]
    wait_until(lambda: _publishes(chaos_url, tmp_path / "marks", names))
    # When one of the two worker processes is killed
    children = subprocess.run(
        ["pgrep", "-P", str(worker.pid)], capture_output=True, text=True, check=True
    )
    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
    # Then
    check(tmp_path / "marks", names)
    assert worker.poll() is None


def _publishes(url: str, marks: Path, names: list[str]) -> bool:
    try:
        publish(url, marks, names)
    except Exception:  # the broker, or its queues, are not there yet
        return False
    return True
