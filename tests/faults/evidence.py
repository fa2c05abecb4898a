"""What is known of each job at the end of a run: the cluster's ledger, the job's own marks, its document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .plan import PlannedJob


@dataclass(frozen=True, slots=True)
class LedgerStep:
    """A step, as the local EMR wrote it down."""

    step: str
    name: str
    state: str
    #: How often its process was started.
    process_starts: int
    created: float
    started: float | None
    ended: float | None

    @property
    def has_run(self) -> bool:
        """Whether it had a process."""
        return self.process_starts > 0

    @property
    def job_id(self) -> str:
        """The job that its name begins with: `<job id>.<attempt> <name>`."""
        return self.name.split()[0].rpartition(".")[0] if self.name.split() else ""


def read_ledger(rows: Sequence[Mapping[str, Any]]) -> list[LedgerStep]:
    """The rows of `/_local/ledger`."""
    names = LedgerStep.__dataclass_fields__
    return [LedgerStep(**{name: row[name] for name in names}) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One job of the run."""

    job: PlannedJob
    #: Its steps, oldest first.
    steps: Sequence[LedgerStep] = ()
    #: The ids of the steps that ran its command, by the command's own word.
    marks: Sequence[str] = ()
    #: Its document in MongoDB; None: there is none.
    document: Mapping[str, Any] | None = None
    #: When a request for its end was certainly written; None: nobody asked.
    kill_written: float | None = None
    #: The last statuses that listeners were told.
    told: Sequence[str] = field(default=())


def gather(
    planned: Sequence[PlannedJob],
    *,
    ledger: Sequence[LedgerStep],
    marks: str,
    documents: Sequence[Mapping[str, Any]],
    kills: Mapping[str, float],
    events: Sequence[Mapping[str, Any]],
) -> list[Evidence]:
    """Bring together what belongs to each job."""
    steps: dict[str, list[LedgerStep]] = defaultdict(list)
    for row in ledger:
        steps[row.job_id].append(row)
    marked: dict[str, list[str]] = defaultdict(list)
    for line in marks.splitlines():
        job_id, step = line.split()
        marked[job_id].append(step)
    told: dict[str, list[str]] = defaultdict(list)
    for event in events:
        if event["type"] == "JOB_FINISHED":
            told[event["details"]["jobId"]].append(event["details"]["toState"])
    by_id = {str(document["_id"]): document for document in documents}
    return [
        Evidence(
            job=job,
            steps=steps[job.id],
            marks=marked[job.id],
            document=by_id.get(job.id),
            kill_written=kills.get(job.id),
            told=told[job.id],
        )
        for job in planned
    ]
