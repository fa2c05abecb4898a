"""What a reconcile pass asks of a cluster, whatever kind of cluster it is."""

from __future__ import annotations

import time
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
    #: A state that this version does not know: the step is there, and more cannot be said.
    UNKNOWN = "UNKNOWN"


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
    #: The YARN applications that it has started.
    application_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a call may leave this process, by both clocks: the monotonic one stands still in a
    machine that is suspended, the other one may be set."""

    monotonic: float
    wall: float

    @classmethod
    def of(cls, seconds: float) -> Deadline:
        """The deadline that is so many seconds from now."""
        return cls(time.monotonic() + seconds, time.time() + seconds)

    @property
    def passed(self) -> bool:
        """Whether it is too late."""
        return time.monotonic() > self.monotonic or time.time() > self.wall


class Throttled(Retryable):
    """The account's quota of calls is used up for now; nothing was done. Never an attempt.

    Arguments:
        wait: How long until there is room for another call, in seconds; 0.0 where nobody knows.
    """

    def __init__(self, message: str, *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


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

    def admit(self, engine: Engine) -> None:
        """Make ready for one `submit`, before jobs are claimed for it: take its call of the quota.

        Raises:
            Throttled, Unanswered: Not now; nothing was done.
        """

    def submit(
        self,
        engine: Engine,
        steps: Sequence[StepSpec],
        deadline: Deadline,
    ) -> list[str]:
        """Add the steps, all or none, by one call that is never repeated; returns their ids in order.

        `admit` goes before it: a submission that the quota holds back must not be claimed first.

        Arguments:
            deadline: What has not left this process by then must not leave it any more.

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
        """These steps; what the cluster no longer shows is left out, all of them if it is gone itself.

        Raises:
            Throttled, Unanswered: Says nothing about any step.
        """

    def has_ended(self, engine: Engine) -> bool:
        """Whether the cluster is ending or has ended, and every step with it; one that is not shown has not.

        Raises:
            Throttled, Unanswered: It could not be asked.
        """

    def cancel(self, engine: Engine, step_ids: Sequence[str], *, hard: bool) -> dict[str, str]:
        """Ask for the steps' end; returns why for each that cannot be cancelled.

        Arguments:
            hard: Kill the processes instead of interrupting them.

        Raises:
            Throttled, Unanswered, ClusterGone: Nothing may have been cancelled; ask again.
        """
