"""A cluster: what was asked for, its state, and the steps it holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from .steps import Step, StepState

#: Only so many of a cluster's newest steps can be seen (EMR guide, "View and monitor steps").
VISIBLE_STEPS: Final = 1000


class ClusterState(StrEnum):
    """EMR's states of a cluster."""

    STARTING = "STARTING"
    BOOTSTRAPPING = "BOOTSTRAPPING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"
    TERMINATED_WITH_ERRORS = "TERMINATED_WITH_ERRORS"

    @property
    def is_up(self) -> bool:
        """Whether steps start in this state."""
        return self in (ClusterState.RUNNING, ClusterState.WAITING)

    @property
    def is_over(self) -> bool:
        """Whether the cluster takes no more steps."""
        return self.value.startswith("TERMINAT")

    @property
    def is_terminated(self) -> bool:
        """Whether nothing will change any more."""
        return self.value.startswith("TERMINATED")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a cluster is in its state."""

    code: str
    message: str

    @property
    def is_error(self) -> bool:
        """Whether a cluster that ends so ends with errors."""
        return self.code in ("INSTANCE_FAILURE", "STEP_FAILURE")


#: What takes a cluster away from its steps, and what users are told then.
DEAD: Final = Reason("INSTANCE_FAILURE", "The master node was terminated.")


@dataclass(slots=True, kw_only=True)
class Cluster:
    """One cluster, from RunJobFlow to its termination."""

    id: str
    #: The parameters of RunJobFlow, without its steps.
    request: Mapping[str, Any]
    created: float
    concurrency: int
    protected: bool
    tags: dict[str, str]
    state: ClusterState = ClusterState.STARTING
    reason: Reason | None = None
    ready: float | None = None
    ended: float | None = None
    #: Every step it ever had, by id, oldest first.
    steps: dict[str, Step] = field(default_factory=dict)
    #: The steps that have not started, in the order they will.
    pending: deque[Step] = field(default_factory=deque)
    #: The steps that have started and not ended, by id.
    running: dict[str, Step] = field(default_factory=dict)

    @classmethod
    def from_request(cls, cluster_id: str, request: Mapping[str, Any], now: float) -> Cluster:
        """The cluster that RunJobFlow asks for."""
        return cls(
            id=cluster_id,
            request={name: value for name, value in request.items() if name != "Steps"},
            created=now,
            concurrency=request.get("StepConcurrencyLevel", 1),
            protected=request["Instances"].get("TerminationProtected", False),
            tags={tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])},
        )

    @property
    def name(self) -> str:
        """What the user calls it; need not be unique."""
        return str(self.request["Name"])

    @property
    def log_uri(self) -> str | None:
        """Where the logs of its steps go."""
        uri: str | None = self.request.get("LogUri")
        return uri

    @property
    def stays_without_steps(self) -> bool:
        """Whether it waits for more when its steps have ended."""
        return bool(self.request["Instances"].get("KeepJobFlowAliveWhenNoSteps", False))

    @property
    def arn(self) -> str:
        """Its Amazon resource name."""
        return f"arn:aws:elasticmapreduce:us-east-1:000000000000:cluster/{self.id}"

    def hold(self, step: Step) -> None:
        """Take a step, in the state it is in."""
        self.steps[step.id] = step
        if step.state is StepState.PENDING:
            self.pending.append(step)
        elif not step.is_over:
            self.running[step.id] = step

    def shows(self, step: Step) -> bool:
        """Whether the API still shows this step."""
        return step.number >= len(self.steps) - VISIBLE_STEPS

    def new_application_id(self) -> str:
        """The id of the next YARN application that a step of it submits."""
        number = 1 + sum(len(step.applications) for step in self.steps.values())
        return f"application_{round(self.created * 1000)}_{number:04}"

    def summary(self) -> dict[str, Any]:
        """As ListClusters shows it."""
        return {
            "Id": self.id,
            "Name": self.name,
            "ClusterArn": self.arn,
            "NormalizedInstanceHours": 0,
            "Status": {
                "State": self.state,
                "StateChangeReason": (
                    {"Code": self.reason.code, "Message": self.reason.message}
                    if self.reason
                    else {}
                ),
                "Timeline": {
                    "CreationDateTime": self.created,
                    "ReadyDateTime": self.ready,
                    "EndDateTime": self.ended,
                },
            },
        }

    def view(self) -> dict[str, Any]:
        """As DescribeCluster shows it."""
        echoed = {name: self.request.get(name) for name in _ECHOED}
        return {
            **self.summary(),
            **echoed,
            "Applications": self.request.get("Applications", []),
            "AutoTerminate": not self.stays_without_steps,
            "TerminationProtected": self.protected,
            "VisibleToAllUsers": self.request.get("VisibleToAllUsers", True),
            "StepConcurrencyLevel": self.concurrency,
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "MasterPublicDnsName": "localhost",
        }


#: Parameters of RunJobFlow that DescribeCluster gives back unchanged.
_ECHOED: Final = (
    "AutoScalingRole",
    "Configurations",
    "CustomAmiId",
    "EbsRootVolumeSize",
    "LogEncryptionKmsKeyId",
    "LogUri",
    "OSReleaseLabel",
    "ReleaseLabel",
    "RepoUpgradeOnBoot",
    "ScaleDownBehavior",
    "SecurityConfiguration",
    "ServiceRole",
)
