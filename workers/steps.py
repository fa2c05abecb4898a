"""Turns an accepted job into the step that EMR is given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ..models.job import Job
from ..models.resources import Application, Cluster, Command, JobRequest
from ..models.job import StepDocument
from ..routing_rules.environment import job_environment
from .staging import RunScript, StagedFile, Staging

#: EMR: jar, main class and arguments of a step together (StepConfig, EMR API reference).
STEP_CHARACTERS = 10_240

#: EMR: a step's name (StepConfig, EMR API reference).
NAME_CHARACTERS = 256

#: Runs its arguments as a command on the primary node.
COMMAND_RUNNER = "command-runner.jar"


def step_name(job: Job) -> str:
    """The name of the job's step: it begins with `<job id>.<attempt>`, and is how the step is found again."""
    job_id = job.id
    if len(job_id) > 200:
        job_id = f"{job_id[:180]}~{hashlib.sha256(job_id.encode()).hexdigest()[:16]}"
    # Names are compared as EMR gives them back: no character that a wire or a console may change.
    name = "".join(char if " " <= char <= "~" else "_" for char in f"{job_id}.{job.attempt} {job.name}")
    return name[:NAME_CHARACTERS].rstrip()
