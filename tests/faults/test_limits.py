"""Limits hold on the clusters themselves, with several workers that are killed while they let jobs in."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable

import pytest

from tagfleet.models import rule_sets
from tagfleet.producers.applying import Candidate, apply

from .evidence import LedgerStep, read_ledger
from .ground import CONCURRENCY, Ground
from .plan import USERS, Fault, Kind, Plan, PlannedJob
from .run import run

SIZE, MOST = 3, 2

RULES = f"""\
version: 1
queues: {{default: {{}}}}
routes:
  - {{name: all, queue: default}}
limits:
  - {{name: two-at-once, per: user, running: {MOST}, on_exceed: hold}}
  - {{name: some-waiting, per: user, queued: 5, on_exceed: hold}}
"""


def most_at_once(steps: Iterable[LedgerStep]) -> int:
    """How many of these steps the clusters ran at the same moment, at most."""
    changes = []
    for step in steps:
        if step.started is not None:
            assert step.ended is not None
            changes += [(step.started, 1), (step.ended, -1)]
    running = most = 0
    for _, change in sorted(changes):  # at one moment, ends come first
        running += change
        most = max(most, running)
    return most


@pytest.mark.timeout(600)
def test_no_user_has_more_jobs_running_than_the_limit_however_workers_die(
    standing: Ground,
) -> None:
    # Given a limit per user that is far below what the clusters would run at once
    assert MOST < CONCURRENCY
    rules = standing.folder / "rules.yaml"
    rules.write_text(RULES)
    apply(Candidate.read(rules), applied_by="the test", note=None)
    assert rule_sets.version_in_force() == 1
    # And more jobs of each user than may run, and workers that are killed all the time
    jobs = [
        PlannedJob(id=f"{user}-{number}", kind=Kind.SLEEP, at=0, user=user)
        for user in USERS
        for number in range(16)
    ]
    kills = [
        Fault(at=3 + 2 * number, what="kill_worker", arguments={"index": number % SIZE})
        for number in range(6)
    ]
    # When all have ended
    outcome = run(Plan(seed=0, jobs=jobs, faults=kills), standing, size=SIZE)
    # Then each ran once
    assert not outcome.problems, "\n\n".join(outcome.problems)
    assert outcome.measured["ended"] == {"SUCCEEDED": len(jobs)}
    # And by the clusters' own ledger no user ever had more at once, and the limit was reached
    steps = defaultdict(list)
    for step in read_ledger(standing.admin("GET", "ledger")):
        steps[step.job_id.partition("-")[0]].append(step)
    assert {user: most_at_once(found) for user, found in steps.items()} == dict.fromkeys(
        USERS, MOST
    )


def test_what_ran_at_once_is_counted() -> None:
    # Given a step from 1 to 3, one from 2 to 4, and one that begins as the second ends
    step = LedgerStep("s", "a.1 x", "COMPLETED", 1, 0.0, 1.0, 3.0)
    spans = [(1.0, 3.0), (2.0, 4.0), (4.0, 5.0)]
    steps = [dataclasses.replace(step, started=a, ended=b) for a, b in spans]
    # Then two ran at once
    assert most_at_once(steps) == 2
