"""Turns an accepted job into the step that EMR is given."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from ..models.job import Job

#: EMR: jar, main class and arguments of a step together (StepConfig, EMR API reference).
STEP_CHARACTERS = 10_240

#: EMR: a step's name (StepConfig, EMR API reference).
NAME_CHARACTERS = 256

#: Runs its arguments as a command on the primary node.
COMMAND_RUNNER = "command-runner.jar"

#: Ids that stand in a step's name as they are; of others, a digest makes up for what is lost.
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")


@dataclass(frozen=True, slots=True)
class Step:
    """What EMR runs for a job."""

    jar: str
    arguments: tuple[str, ...]

    @property
    def is_too_long(self) -> bool:
        """Whether EMR would refuse it for its length."""
        return len(self.jar) + sum(map(len, self.arguments)) > STEP_CHARACTERS


def script_runner(region: str | None) -> str:
    """The jar that fetches a script and runs it; EMR keeps one in each region (EMR release guide)."""
    return f"s3://{region or 'us-east-1'}.elasticmapreduce/libs/script-runner/script-runner.jar"


def step_name(job: Job) -> str:
    """The name of the job's step: it begins with `<job id>.<attempt>`, and is how the step is found again."""
    job_id = job.id
    if not _PLAIN_ID.fullmatch(job_id):
        job_id = f"{_printable(job_id)[:180]}~{hashlib.sha256(job_id.encode()).hexdigest()[:16]}"
    return f"{job_id}.{job.attempt} {_printable(job.name)}"[:NAME_CHARACTERS].rstrip()


def _printable(text: str) -> str:
    # Names are compared as EMR gives them back: no character that a wire or a console may change.
    return "".join(char if "!" <= char <= "~" else "_" for char in text)
