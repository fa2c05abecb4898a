"""Without any fault the harness finds nothing wrong: what it finds under faults is of the faults."""

from __future__ import annotations

import pytest

from .ground import Ground
from .plan import Plan, plan_jobs
from .run import run


@pytest.mark.timeout(600)
def test_without_faults_every_job_ends_as_it_must(standing: Ground) -> None:
    plan = Plan(seed=0, jobs=plan_jobs(0, 60, 5))
    outcome = run(plan, standing, size=2)
    assert not outcome.problems, "\n\n".join(outcome.problems)
    assert outcome.measured["doubled steps that stood down"] == 0
