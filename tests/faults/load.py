"""Publishes a run's jobs until RabbitMQ has confirmed each, and asks for the end of some."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError

from tagfleet.models import jobs
from tagfleet.models.errors import JobNotFound, TagfleetError
from tagfleet.producers.publisher import Publisher

from .plan import Kind, PlannedJob

#: How often each thread looks whether there is something to do.
PAUSE_SECONDS = 0.2

#: What a job's step does after its mark. An endless one is no shell any more: an interrupt ends it.
_ENDS = {
    Kind.SLEEP: "sleep 0.2; exit {code}",
    Kind.ENDLESS: "exec sleep 3600",
    Kind.STUBBORN: "trap '' TERM; while :; do sleep 1; done",
}


def request_of(job: PlannedJob, marks: Path) -> dict[str, Any]:
    """The request, as a producer sends it; its step leaves a line in the file of marks."""
    end = _ENDS.get(job.kind, "exit {code}").format(code=job.exit_code)
    request = {
        "id": job.id,
        "name": str(job.kind),
        "user": job.user,
        "version": "1",
        "priority": job.priority,
        "commandCriteria": ["type:bash"],
        "clusterCriterias": [{"tags": [job.cluster]}],
        "commandArgs": [f"echo {job.id} $EMR_STEP_ID >> {marks}; {end}"],
    }
    if job.kind is Kind.STAGED:
        request["environment"] = {"JOB": job.id}
    return request


class _Thread:
    """Does something again and again until it is done or told to stop; keeps what it failed with."""

    def __init__(self, name: str) -> None:
        self.error: BaseException | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(PAUSE_SECONDS):
                self.turn()
        except BaseException as error:
            self.error = error

    def turn(self) -> None:
        """Do what is due."""
        raise NotImplementedError


class Producer(_Thread):
    """Publishes each job when its time has come; what is in doubt, again under the same id."""

    def __init__(self, url: str, planned: Sequence[PlannedJob], marks: Path) -> None:
        super().__init__("producer")
        self._publisher = Publisher(url, confirm_timeout=5)
        self._marks = marks
        self._due = sorted(
            [(job.at, job) for job in planned]
            + [(job.at + job.again_after, job) for job in planned if job.again_after is not None],
            key=lambda each: each[0],
        )
        self._began = time.monotonic()
        self._publishing = threading.Lock()
        #: The jobs that RabbitMQ has confirmed.
        self.confirmed: set[str] = set()
        #: Publications that were made again because nobody knew what had become of them.
        self.doubts = 0

    @property
    def is_done(self) -> bool:
        """Whether all was published."""
        return not self._due

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Publish nothing while the block lasts."""
        with self._publishing:
            yield

    def stop(self) -> None:
        """End, and disconnect."""
        super().stop()
        self._publisher.close()

    def turn(self) -> None:
        """Publish what is due, by the queue that each job is for."""
        elapsed = time.monotonic() - self._began
        due = [job for at, job in self._due if at <= elapsed]
        with self._publishing:
            for key in sorted({job.routing_key for job in due}):
                self._publish([job for job in due if job.routing_key == key], key)

    def _publish(self, due: list[PlannedJob], key: str) -> None:
        requests = [request_of(job, self._marks) for job in due]
        try:
            results = self._publisher.publish_many(requests, routing_key=key)
        except TagfleetError:
            self.doubts += 1
            return
        for job, result in zip(due, results, strict=True):
            if result.error:
                self.doubts += 1
                continue
            self.confirmed.add(job.id)
            self._due.remove(next(each for each in self._due if each[1] is job))


class Killer(_Thread):
    """Asks for the end of jobs: of some as soon as they are recorded, of others once they run."""

    def __init__(self, planned: Sequence[PlannedJob], producer: Producer, marks: Path) -> None:
        super().__init__("killer")
        self._open = [job for job in planned if job.kill]
        self._producer, self._marks = producer, marks
        #: When each request was certainly written.
        self.acknowledged: dict[str, float] = {}

    def turn(self) -> None:
        """Ask for the ends that are due."""
        marked = {line.split()[0] for line in self._marks.read_text().splitlines()}
        for job in list(self._open):
            if job.id in (marked if job.is_killed_running else self._producer.confirmed):
                self._ask(job)

    def _ask(self, job: PlannedJob) -> None:
        try:
            jobs.ask_to_kill(job.id, "the run wants it")
        except (JobNotFound, PyMongoError):
            return  # not recorded yet, or the database is away: asked again
        self.acknowledged[job.id] = time.time()
        self._open.remove(job)
