"""A step: what was asked for, and the states it goes through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class StepState(StrEnum):
    """EMR's states of a step."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    CANCEL_PENDING = "CANCEL_PENDING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"


#: Where a step may go from each state; nothing leaves the last four.
MOVES: Final[Mapping[StepState, frozenset[StepState]]] = {
    StepState.PENDING: frozenset({StepState.RUNNING, StepState.CANCELLED}),
    StepState.RUNNING: frozenset(
        {
            StepState.CANCEL_PENDING,
            StepState.COMPLETED,
            StepState.CANCELLED,
            StepState.FAILED,
            StepState.INTERRUPTED,
        }  # fmt: skip
    ),
    StepState.CANCEL_PENDING: frozenset({StepState.CANCEL_PENDING, StepState.CANCELLED}),
    StepState.COMPLETED: frozenset(),
    StepState.CANCELLED: frozenset(),
    StepState.FAILED: frozenset(),
    StepState.INTERRUPTED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step failed, as far as its logs tell: EMR's FailureDetails."""

    reason: str
    message: str = ""
    log_file: str = ""

    def view(self) -> dict[str, Any]:
        """As the API shows it."""
        details = {"Reason": self.reason, "Message": self.message, "LogFile": self.log_file}
        return {name: value for name, value in details.items() if value}


#: What the steps are told that ran when the server was killed.
RESTARTED: Final = Failure("Local EMR restarted", "The step ran when the local EMR was ended.")


@dataclass(slots=True, kw_only=True)
class Step:
    """One step of a cluster, from its submission to its end."""

    id: str
    cluster_id: str
    #: Its place among all the steps its cluster ever had, from 0.
    number: int
    #: The StepConfig of the request.
    config: Mapping[str, Any]
    role: str | None
    created: float
    state: StepState = StepState.PENDING
    started: float | None = None
    ended: float | None = None
    reason: str = ""
    failure: Failure | None = None
    #: How often its process was started: once at most, and counted before it is.
    process_starts: int = field(default=0)
    #: The YARN applications that it submitted, by their ids, oldest first.
    applications: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the user calls it."""
        return str(self.config["Name"])

    @property
    def jar(self) -> str:
        """What runs it."""
        return str(self.config["HadoopJarStep"]["Jar"])

    @property
    def arguments(self) -> list[str]:
        """What its jar is given."""
        return list(self.config["HadoopJarStep"].get("Args", []))

    @property
    def action_on_failure(self) -> str:
        """What its failure does to the cluster."""
        return str(self.config.get("ActionOnFailure", "TERMINATE_CLUSTER"))

    @property
    def log_uri(self) -> str | None:
        """Where its own logs go, when not to its cluster's."""
        monitoring = self.config.get("StepMonitoringConfiguration", {})
        uri: str | None = monitoring.get("S3MonitoringConfiguration", {}).get("LogUri")
        return uri

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return not MOVES[self.state]

    def move(self, state: StepState, now: float) -> None:
        """Go to a state that may follow, and note the time."""
        if state not in MOVES[self.state]:
            raise ValueError(f"Step {self.id} cannot go from {self.state} to {state}.")
        self.state = state
        if state is StepState.RUNNING:
            self.started = now
        elif self.is_over:
            self.ended = now

    def view(self) -> dict[str, Any]:
        """As DescribeStep shows it; ListSteps shows a part of this."""
        jar_step = self.config["HadoopJarStep"]
        return {
            "Id": self.id,
            "Name": self.name,
            "ActionOnFailure": self.action_on_failure,
            "Config": {
                "Jar": self.jar,
                "MainClass": jar_step.get("MainClass"),
                "Args": self.arguments,
                "Properties": properties(jar_step),
            },
            "Status": {
                "State": self.state,
                "StateChangeReason": {"Message": self.reason} if self.reason else {},
                "FailureDetails": self.failure.view() if self.failure else None,
                "Timeline": {
                    "CreationDateTime": self.created,
                    "StartDateTime": self.started,
                    "EndDateTime": self.ended,
                },
            },
            "ExecutionRoleArn": self.role,
            "LogUri": self.log_uri,
            "AdditionalInfo": (
                {"ResourceManagerApplicationIds": self.applications} if self.applications else None
            ),
        }


def properties(jar_step: Mapping[str, Any]) -> dict[str, str]:
    """The Java properties of a HadoopJarStep, by name."""
    return {row["Key"]: row.get("Value", "") for row in jar_step.get("Properties", [])}
