"""One run: workers under load and faults, until every job has ended; then it is judged."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.errors import PyMongoError

from tagfleet.models.states import TERMINAL

from . import checker
from .evidence import Evidence, gather, read_ledger
from .ground import Ground
from .load import Killer, Producer
from .plan import Plan
from .trouble import Trouble
from .workers import Workers

#: How long nothing may change, when nothing goes wrong any more, before a run has hung.
STALLED_SECONDS = 240.0


class RunFailed(AssertionError):
    """The run did not end, or what came of it is wrong; says all that is known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    problems: list[str]
    measured: dict[str, Any]


class Run:
    """A run under way; used from one thread."""

    def __init__(self, plan: Plan, ground: Ground, workers: Workers) -> None:
        self._plan, self._ground, self.workers = plan, ground, workers
        self.producer = Producer(ground.amqp_url, plan.jobs, ground.marks)
        self.killer = Killer(plan.jobs, self.producer, ground.marks)
        self.trouble = Trouble(plan, ground, workers, self.producer)
        self._began = time.monotonic()

    def until_trouble_is_over(self) -> None:
        """Go on until all faults have happened and all jobs are published.

        EMR's lost replies, and the points where workers die, last until the end.
        """
        deadline = (
            time.monotonic()
            + STALLED_SECONDS
            + max((fault.at for fault in self._plan.faults), default=0)
        )
        while not (self.trouble.is_over and self.producer.is_done):
            self._check_time(deadline)
            self.workers.tend()
            self.trouble.turn()
            time.sleep(0.05)

    def until_all_ended(self) -> None:
        """Go on until every job has ended and is archived."""
        seen: Any = None
        deadline = time.monotonic() + STALLED_SECONDS
        while True:
            self.workers.tend()
            now = self._states()
            if now is not None and self._is_over(now):
                return
            if now is not None and now != seen:
                seen, deadline = now, time.monotonic() + STALLED_SECONDS
            self._check_time(deadline)
            time.sleep(0.2)

    def judge(self, exit_codes: list[int]) -> Outcome:
        """Say what is wrong, and what was measured; the workers have ended."""
        self.trouble.end()
        ledger = read_ledger(self._ground.admin("GET", "ledger"))
        evidence = gather(
            self._plan.jobs,
            ledger=ledger,
            marks=self._ground.marks.read_text(),
            documents=self._documents(),
            kills=self.killer.acknowledged,
            events=self._ground.events(),
        )
        problems = [self._told(each, found) for each in evidence if (found := checker.judge(each))]
        problems += checker.strangers(ledger, {job.id for job in self._plan.jobs})
        problems += [f"a worker ended by itself: {text}" for text in self.workers.unexplained]
        if any(exit_codes):
            problems.append(f"workers that were told to stop ended with {exit_codes}")
        return Outcome(problems, self._measured(evidence))

    def _states(self) -> Counter[str] | None:
        """How many jobs are where; None while the database is away."""
        try:
            with self._ground.database.jobs() as jobs:
                rows = list(jobs.find({}, {"status": 1, "ring_at": 1}))
        except PyMongoError:
            return None
        return Counter(f"{row['status']}{' open' if row.get('ring_at') else ''}" for row in rows)

    def _is_over(self, states: Counter[str]) -> bool:
        ended = sum(states[status] for status in TERMINAL)
        return self.producer.is_done and ended == len(self._plan.jobs) == states.total()

    def _check_time(self, deadline: float) -> None:
        for thread in (self.producer, self.killer):
            if thread.error:
                raise thread.error
        if time.monotonic() > deadline:
            raise RunFailed(
                f"seed {self._plan.seed}: it hangs.\n{self._open_jobs()}\n{self.workers.tails()}"
            )

    def _open_jobs(self) -> str:
        """The jobs that are still open, with all that is known of some."""
        documents = [
            row
            for row in self._documents()
            if row["status"] not in TERMINAL or row.get("ring_at") is not None
        ]
        published = f"{len(self.producer.confirmed)} of {len(self._plan.jobs)} are published."
        shown = [_history(row) for row in documents[:5]]
        return f"{published} States: {self._states()}\n" + "\n".join(shown)

    def _documents(self) -> list[dict[str, Any]]:
        with self._ground.database.jobs() as jobs:
            return list(jobs.find({}))

    def _told(self, evidence: Evidence, problems: list[str]) -> str:
        """All that is known of a job that something is wrong with."""
        lines = [f"{evidence.job}", *(f"  WRONG: {problem}" for problem in problems)]
        lines += [f"  {step}" for step in evidence.steps]
        lines += [f"  marks {list(evidence.marks)}, kill written {evidence.kill_written}"]
        if evidence.document:
            lines.append(_history(evidence.document))
        lines.append(self.workers.lines_about(evidence.job.id))
        return "\n".join(lines)

    def _measured(self, evidence: list[Evidence]) -> dict[str, Any]:
        statuses = Counter(str(each.document["status"]) for each in evidence if each.document)
        submitted_again = sum(
            max(0, sum(entry["status"] == "CLAIMED" for entry in each.document["history"]) - 1)
            for each in evidence
            if each.document
        )
        return {
            "seed": self._plan.seed,
            "way": self._plan.way,
            "jobs": len(evidence),
            "seconds": round(time.monotonic() - self._began),
            "ended": dict(statuses),
            "workers": dict(self.workers.counts),
            "points reached": len(self.workers.reached),
            "points not reached": sorted(
                name
                for each in self._plan.assignments
                if (name := f"{each.action} {each.point}") not in self.workers.reached
            ),
            "faults": dict(sorted(self.trouble.counts.items())),
            "publications in doubt": self.producer.doubts,
            "claims given back": submitted_again,
            "doubled steps that stood down": sum(map(checker.doubled, evidence)),
            "calls": {
                name: count
                for name, count in self._ground.admin("GET", "calls").items()
                if not name.startswith("s3:")
            },
        }


def run(plan: Plan, ground: Ground, *, size: int) -> Outcome:
    """Carry out a plan with so many worker processes.

    Raises:
        RunFailed: It hangs.
    """
    workers = Workers(
        ground.environment(plan.way), ground.folder / "workers", size, plan.assignments
    )
    this = Run(plan, ground, workers)
    try:
        workers.start()
        this.producer.start()
        this.killer.start()
        this.until_trouble_is_over()
        this.until_all_ended()
        return this.judge(workers.stop())
    finally:
        this.producer.stop()
        this.killer.stop()
        workers.close()


def told(outcome: Outcome) -> str:
    """The measured figures as one line of JSON."""
    return json.dumps(outcome.measured)


def _history(document: Mapping[str, Any]) -> str:
    kept = ("step_id", "exit_code", "ring_at", "kill", "archive_status", "archive_message")
    shown = {name: document[name] for name in kept if name in document}
    lines = [f"  {document['_id']}: {document['status']} {shown}"]
    lines += [
        f"    {entry['time']:%H:%M:%S.%f} {entry['status']} {entry['message']} ({entry['worker']})"
        for entry in document["history"]
    ]
    return "\n".join(lines)
