"""What a reconcile pass asks of a cluster, whatever kind of cluster it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ...models.errors import Fatal, Retryable
from ...models.resources import Engine


class StepState(StrEnum):
    """How a step does; EMR's names."""

    PENDING = "PENDING"
    CANCEL_PENDING = "CANCEL_PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpec:
    """A step to be added; its name is how it is found again."""

    name: str
    jar: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What the cluster says of a step."""

    step_id: str
    name: str
    state: StepState
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    #: Why it failed, in the cluster's words.
    failure: str | None = None


class Throttled(Retryable):
    """The account's quota of calls is used up for now; nothing was done. Never an attempt."""


class ClusterFull(Retryable):
    """The cluster takes no more steps for now; nothing was done."""


class OutcomeUnknown(Retryable):
    """No answer, or one that does not say whether the steps were added: look them up by name."""


class ClusterGone(Fatal):
    """The cluster is shutting down, terminated or unknown; nothing was done."""


class StepsRefused(Fatal):
    """The cluster refused the batch for certain: at least one of its steps is not acceptable."""


class Unanswered(Retryable):
    """The cluster could not be asked; says nothing about any step."""


class ClusterEngine(Protocol):
    """One kind of cluster. Called by the holder of the cluster's lease only; no call waits for a step."""

    #: How many steps may be added by one call.
    batch_size: int

    #: How long `submit` may take at most, in seconds; after it, what is not on the cluster never will be.
    submit_seconds: float

    def submit(self, engine: Engine, steps: Sequence[StepSpec]) -> list[str]:
        """Add the steps, all or none, by one call that is never repeated; returns their ids in order.

        Raises:
            Throttled, ClusterFull, ClusterGone, StepsRefused, Unanswered: Nothing was added.
            OutcomeUnknown: They may have been added.
        """

    def reports(self, engine: Engine) -> Iterator[StepReport]:
        """The cluster's steps, newest first, asked for page by page as they are consumed.

        Raises:
            Throttled, Unanswered, ClusterGone: Says nothing about any step.
        """

    def reports_of(self, engine: Engine, step_ids: Sequence[str]) -> list[StepReport]:
        """These steps; one that the cluster no longer shows is left out.

        Raises:
            Throttled, Unanswered, ClusterGone: Says nothing about any step.
        """

    def cancel(self, engine: Engine, step_ids: Sequence[str], *, hard: bool) -> dict[str, str]:
        """Ask for the steps' end; returns why for each that cannot be cancelled.

        Arguments:
            hard: Kill the processes instead of interrupting them.

        Raises:
            Throttled, Unanswered, ClusterGone: Nothing may have been cancelled; ask again.
        """
