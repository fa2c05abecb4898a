"""Turns an accepted job into the step that EMR is given."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..models.job import Job
from ..models.resources import Application, Cluster, Command, JobRequest
from ..routing_rules.environment import job_environment
from .staging import RunScript, StagedFile, Staging, plan_staging

#: EMR: jar, main class and arguments of a step together (StepConfig, EMR API reference).
STEP_CHARACTERS = 10_240

#: EMR: a step's name (StepConfig, EMR API reference).
NAME_CHARACTERS = 256

#: Runs its arguments as a command on the primary node.
COMMAND_RUNNER = "command-runner.jar"

#: Ids that stand in a step's name as they are; of others, a digest makes up for what is lost.
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")

_STEP_NAME = re.compile(r"(\S+)\.\d{1,4} \S+")


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


def job_id_of(name: str) -> str | None:
    """The id of the job whose step may be called so; None where it cannot be one of ours, or says too little."""
    match = _STEP_NAME.fullmatch(name)
    return match[1] if match and "~" not in match[1] else None


def _printable(text: str) -> str:
    # Names are compared as EMR gives them back: no character that a wire or a console may change.
    return "".join(char if "!" <= char <= "~" else "_" for char in text)


def step_of(
    staging: Staging,
    job: Job,
    request: JobRequest,
    cluster: Cluster,
    command: Command,
    applications: Sequence[Application],
) -> tuple[Step, list[StagedFile]]:
    """Stage what the job needs, and say what EMR is to run.

    Where there is nothing to set up, that is the command itself; else the `run` script, which lays out
    the files, sources the setup files, and runs the command.

    Raises:
        StagingFailed: A file is missing, forbidden, or cannot be laid out.
        StagingDelayed: A store does not answer, or not now.
    """
    plan = plan_staging(cluster, applications, command, request)
    plain = Step(COMMAND_RUNNER, (*command.executable, *request.command_args))
    if not (
        applications or plan.files or request.environment or _expands(command) or plain.is_too_long
    ):
        return plain, []
    staged = staging.stage(job.id, plan)
    own = job_environment(request, command=command, cluster=cluster, memory=job.memory or 0)
    script = RunScript(
        job_id=job.id,
        attempt=job.attempt,
        job_uri=staging.job_uri(job.id),
        claim_uri=staging.claim_uri(job.id, job.attempt),
        birth=job.created.strftime("%Y%m%dT%H%M%S.%f"),
        environment={name: value for name, value in own.items() if name not in request.environment},
        user_environment=request.environment,
        setup_files=plan.setup_files,
        cluster_id=cluster.id,
        command_id=command.id,
        application_ids=tuple(application.id for application in applications),
        executable=command.executable,
        arguments=request.command_args,
    )
    uri = staging.put_run_script(script)
    return Step(script_runner(job.engine.region if job.engine else None), (uri,)), staged


def _expands(command: Command) -> bool:
    """Whether a word of the executable has a variable, which only a shell expands."""
    return any("$" in word for word in command.executable)
