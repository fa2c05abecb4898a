"""Trouble on request: lost replies, errors, throttles and unruly events, to test what stands above."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from .errors import AwsError

#: The name that faults of EMR's events go by; what they hit is told by the state ("COMPLETED").
EVENTS: Final = "events"


class Mode(StrEnum):
    """What happens to a call, or to an event, that a fault hits."""

    DROP = "drop"  #: The work is done, and the connection is cut instead of an answer.
    ERROR_500 = "error500"  #: Nothing is done; the answer is an internal error.
    THROTTLE = "throttle"  #: Nothing is done; the answer is "Rate exceeded".
    DELAY = "delay"  #: The work is done later, by `seconds`.
    FORBIDDEN = "forbidden"  #: Nothing is done; the answer is 403 AccessDenied.
    DOUBLE = "double"  #: The event comes twice.
    SHUFFLE = "shuffle"  #: The event comes late, by up to `seconds`, and so behind others.


#: What may happen to events; all but the first of these to nothing else.
OF_EVENTS: Final = (Mode.DROP, Mode.DOUBLE, Mode.SHUFFLE)

#: What the caller is told when nothing is done.
REFUSALS: Mapping[Mode, AwsError] = {
    Mode.ERROR_500: AwsError("InternalServerError", "An injected fault.", 500),
    Mode.THROTTLE: AwsError("ThrottlingException", "Rate exceeded"),
    Mode.FORBIDDEN: AwsError("AccessDenied", "Access Denied", 403),
}


@dataclass(kw_only=True)
class Fault:
    """Which calls of an operation, or which events, are hit, and how.

    Without `count`, `probability` or `keys` all are hit until the fault is removed.
    """

    mode: Mode
    #: How many calls are still to be hit.
    count: int | None = None
    #: The share of the calls that is hit, by a generator that starts from `seed`.
    probability: float = 1.0
    seed: int = 0
    #: How long a delayed call waits, and a shuffled event at most.
    seconds: float = 0.0
    #: Only S3 calls for these ("bucket/key"), or events of these states, are hit.
    keys: tuple[str, ...] = ()
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.count is not None and (not isinstance(self.count, int) or self.count < 0):
            raise ValueError(f"count: expected a number of calls, found {self.count!r}")
        if isinstance(self.keys, str):
            raise ValueError(f"keys: expected a list, found {self.keys!r}")
        self.probability, self.seconds = float(self.probability), float(self.seconds)
        if self.seconds < 0:
            raise ValueError(f"seconds: expected 0 or more, found {self.seconds}")
        self.mode, self.keys = Mode(self.mode), tuple(self.keys)
        self._random = random.Random(self.seed)

    def hits(self, subject: str) -> bool:
        """Say whether the next call, or event, about this subject is hit; uses it up."""
        if self.count == 0 or (self.keys and subject not in self.keys):
            return False
        if self._random.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True

    def some_seconds(self) -> float:
        """Anything up to `seconds`, by the same generator."""
        return self._random.uniform(0, self.seconds)

    def view(self) -> dict[str, Any]:
        """The fault as it was asked for, with what is left of it."""
        return {name: value for name, value in vars(self).items() if name != "_random"}


#: A fault as it is asked for, or several of which each hits by itself.
Asked: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Faults:
    """The faults in force, by operation ("AddJobFlowSteps", "s3:GetObject", "events")."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, list[Fault]] = {}

    def set(self, faults: Mapping[str, Asked]) -> None:
        """Put these in force, beside those of other operations.

        Raises AwsError when one cannot be understood; then none is.
        """
        try:
            new = {operation: _understood(operation, asked) for operation, asked in faults.items()}
        except (TypeError, ValueError) as error:
            raise AwsError("ValidationException", f"Not a fault: {error}") from None
        with self._lock:
            self._faults |= new

    def clear(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._faults.clear()

    def draw(self, operation: str, subject: str) -> Fault | None:
        """The first fault that hits this call, or None."""
        with self._lock:
            faults = self._faults.get(operation, ())
            return next((fault for fault in faults if fault.hits(subject)), None)

    def draw_all(self, operation: str, subject: str) -> list[Fault]:
        """Every fault that hits."""
        with self._lock:
            return [fault for fault in self._faults.get(operation, ()) if fault.hits(subject)]

    def view(self) -> dict[str, Any]:
        """Every fault in force, as it was asked for."""
        with self._lock:
            views = {name: [one.view() for one in many] for name, many in self._faults.items()}
        return {name: view[0] if len(view) == 1 else view for name, view in views.items()}


def _understood(operation: str, asked: Asked) -> list[Fault]:
    faults = [Fault(**one) for one in ([asked] if isinstance(asked, Mapping) else asked)]
    for fault in faults:
        fits = fault.mode in OF_EVENTS if operation == EVENTS else fault.mode not in OF_EVENTS[1:]
        if not fits:
            raise ValueError(f"mode: {operation} cannot {fault.mode}")
    return faults
