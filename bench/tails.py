"""What a hundred open log tails cost whoever submits: submits a second without them and with them, in turns.

    PYTHONPATH=.src:. python bench/tails.py

The production server over real sockets, the embedded MongoDB, a hundred jobs that run and whose logs are
files. Exits 1 when a submit with the tails open takes more than twice what it takes without.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import requests
from tests.models.samples import a_cluster, a_command, a_request, request_data
from tests.producers.http.test_server import ApiProcess

from tagfleet.models import catalog, jobs
from tagfleet.models.database import connect, disconnect, now
from tagfleet.models.embedded_mongodb import served
from tagfleet.models.job import Job
from tagfleet.models.states import JobStatus

TAILS, ROUNDS, SUBMITS = 100, 4, 60
LIMIT = 2.0


def main() -> int:
    """Run the rounds and print the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mongodb = stack.enter_context(served(folder / "mongodb"))
        connect(mongodb)
        stack.callback(disconnect)
        jobs.ensure_indexes()
        catalog.apply([a_command(), a_cluster()])
        _running_jobs(folder)
        server = ApiProcess(folder, mongodb)
        stack.callback(server.stop)
        _submits(server.url, "warm-up")
        without, within = [], []
        for turn in range(ROUNDS):
            without.append(_submits(server.url, f"without-{turn}"))
            with _Tails(server.url):
                within.append(_submits(server.url, f"with-{turn}"))
    return _report(statistics.median(without), statistics.median(within))


def _running_jobs(folder: Path) -> None:
    for number in range(TAILS):
        archive = folder / "logs" / str(number)
        archive.mkdir(parents=True)
        (archive / "stdout").write_text("a line\n" * 100)
        job_id = f"tailed-{number}"
        jobs.record(
            a_request(id=job_id), "default", worker="bench", ring_at=now(), queue_seconds=60
        )
        running = {
            "status": str(JobStatus.RUNNING),
            "step_id": "s-1",
            "archive_location": str(archive),
        }
        Job._get_collection().update_one({"_id": job_id}, {"$set": running})


class _Tails:
    """A hundred open tails."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open: list[requests.Response] = []

    def __enter__(self) -> None:
        for number in range(TAILS):
            path = f"/api/v1/jobs/tailed-{number}/logs/stdout?tail=10&follow=1"
            answer = requests.get(f"{self._url}{path}", stream=True, timeout=60)
            answer.raise_for_status()
            next(answer.iter_lines())
            self._open.append(answer)

    def __exit__(self, *_: object) -> None:
        for answer in self._open:
            answer.close()


def _submits(url: str, name: str) -> float:
    """Submits a second, one after the other on one connection."""
    with requests.Session() as session:
        begin = time.perf_counter()
        for number in range(SUBMITS):
            body = request_data(id=f"{name}-{number}")
            answer = session.post(f"{url}/api/v3/jobs", json=body, timeout=60)
            assert answer.status_code == 202, answer.text
        return SUBMITS / (time.perf_counter() - begin)


def _report(without: float, within: float) -> int:
    ratio = without / within
    print(f"submits a second without tails  {without:8.1f}")
    print(f"with {TAILS} tails open            {within:8.1f}")
    print(f"a submit takes {ratio:.2f} times as long (limit {LIMIT:g})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
