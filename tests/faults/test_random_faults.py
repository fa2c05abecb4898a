"""Whatever goes wrong, every job runs once, and its end is the one that the cluster tells."""

from __future__ import annotations

import pytest

from .ground import Ground
from .plan import random_plan
from .run import run, told

JOBS = 500

#: How long the load lasts, in seconds, and within it the faults.
LOAD_SECONDS = 100

WORKERS = 3


@pytest.mark.timeout(1500)
def test_under_random_faults_every_job_runs_once_and_ends_as_the_ledger_says(
    seed: int, standing: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nfaults: seed {seed} (--faults-first-seed {seed} plays it again)", flush=True)
    plan = random_plan(seed, jobs=JOBS, seconds=LOAD_SECONDS, workers=WORKERS)
    outcome = run(plan, standing, size=WORKERS)
    with capsys.disabled():
        print(told(outcome), flush=True)
    assert not outcome.problems, f"seed {seed}:\n" + "\n\n".join(outcome.problems[:10])
