"""What EMR refuses, in its words. Where AWS documents no text, it is the one mrjob's tests hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .clusters import Cluster
from .errors import AwsError

#: How many steps of a cluster may be pending or running (EMR guide, "Work with steps").
ACTIVE_STEPS: Final = 256
#: How many steps may be asked for by id at once.
STEP_IDS: Final = 10
#: How many clusters may be terminated at once.
JOB_FLOW_IDS: Final = 10
#: The longest name of a step.
NAME_CHARACTERS: Final = 256
#: The longest jar, main class and arguments of a step, together.
STEP_CHARACTERS: Final = 10_240
#: How many steps may run at once.
STEP_CONCURRENCY: Final = range(1, 257)


def check_concurrency(level: int) -> None:
    """Refuse a step concurrency level that EMR does not have."""
    if level not in STEP_CONCURRENCY:
        raise AwsError(
            "ValidationException",
            "Invalid step concurrency level. Allowed level is from 1 to 256",
        )


def check_steps(cluster: Cluster, configs: Sequence[Mapping[str, Any]]) -> None:
    """Refuse steps that the cluster cannot take: all of them for the sake of one."""
    if cluster.state.is_over:
        raise AwsError(
            "ValidationException",
            "A job flow that is shutting down, terminated, or finished may not be modified.",
        )
    if len(cluster.pending) + len(cluster.running) + len(configs) > ACTIVE_STEPS:
        raise AwsError(
            "ValidationException",
            "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending')"
            " for cluster exceeded.",
        )
    for config in configs:
        _check_step(cluster, config)


def _check_step(cluster: Cluster, config: Mapping[str, Any]) -> None:
    name, jar_step = config["Name"], config["HadoopJarStep"]
    if len(name) > NAME_CHARACTERS:
        raise AwsError(
            "ValidationException",
            f"The name of a step cannot exceed {NAME_CHARACTERS} characters.",
        )
    texts = [jar_step["Jar"], jar_step.get("MainClass", ""), *jar_step.get("Args", [])]
    if sum(map(len, texts)) > STEP_CHARACTERS:
        raise AwsError(
            "ValidationException",
            "The string values passed into HadoopJarStep object cannot exceed a total of"
            f" {STEP_CHARACTERS} characters.",
        )
    action = config.get("ActionOnFailure", "TERMINATE_CLUSTER")
    if cluster.concurrency > 1 and action != "CONTINUE":
        raise AwsError(
            "ValidationException",
            f"ActionOnFailure setting is not valid for step {name} while StepConcurrencyLevel"
            " is greater than 1.",
        )


def check_step_query(step_ids: Sequence[str], states: Sequence[str]) -> None:
    """Refuse a ListSteps that EMR does not answer."""
    if step_ids and states:
        raise AwsError("InvalidRequestException", "Cannot specify both StepIds and StepStates.")
    if len(step_ids) > STEP_IDS:
        raise AwsError(
            "InvalidRequestException", f"A maximum of {STEP_IDS} step ids may be specified."
        )


def check_job_flow_ids(job_flow_ids: Sequence[str]) -> None:
    """Refuse to terminate more clusters at once than EMR does."""
    if len(job_flow_ids) > JOB_FLOW_IDS:
        raise AwsError(
            "ValidationException", f"A maximum of {JOB_FLOW_IDS} job flow ids may be specified."
        )
