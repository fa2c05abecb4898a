"""What a caller may have done, by the API and by the console alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace

from ...models import audit, catalog, jobs
from ...models.resources import JobRequest
from ...models.states import ClusterStatus
from ..dead_letters import Outcome
from ..submit import record
from .admission import check_admitted
from .backlog import backlog, check_open
from .identity import caller
from .services import services


def kill_job(job_id: str) -> bool:
    """Ask for a job's end, in the name of whoever asks.

    Returns:
        False when the job has ended already, or somebody asked before.

    Raises:
        JobNotFound: No job has this id.
        Problem: 403, it is another user's, and whoever asks is no operator.
    """
    caller().check_acts_for(jobs.get(job_id).user, "end jobs of others")
    return jobs.ask_to_kill(job_id, f"asked for over HTTP by {caller()}")


def run_again(job_id: str) -> str:
    """Submit what a job asked for as a new job; gives its id. On return it is safe.

    Raises:
        JobNotFound: No job has this id.
        Problem: 403, it is another user's, and whoever asks is no operator; 429, too much waits, or a limit refuses it; 503, submissions are switched off.
        Unresolvable: The rules refuse it now, or nothing answers it.
    """
    door = services()
    check_open(door)
    asked: JobRequest = replace(jobs.get(job_id).request(), id=str(uuid.uuid4()))
    caller().check_acts_for(asked.user, "run jobs of others again")
    backlog.check()
    rules = door.rules.now()
    check_admitted(door, rules, asked)
    record(door.settings, rules.rules, asked)
    return asked.id


def note_settled(outcomes: Iterable[Outcome]) -> None:
    """Note which dead letters whoever asks has sent on or dropped."""
    for each in outcomes:
        if each.result != "kept":
            audit.record(f"dead-letter.{each.result}", each.id, after={"jobId": each.job_id})


def drain(cluster_id: str) -> bool:
    """Let a cluster take no more jobs; what runs there goes on.

    Returns:
        Whether that was news.

    Raises:
        NotFound: There is no such cluster.
    """
    return catalog.set_cluster_status(cluster_id, ClusterStatus.OUT_OF_SERVICE)


def resume(cluster_id: str) -> bool:
    """Let a cluster take jobs again.

    Returns:
        Whether that was news.

    Raises:
        NotFound: There is no such cluster.
    """
    return catalog.set_cluster_status(cluster_id, ClusterStatus.UP)
