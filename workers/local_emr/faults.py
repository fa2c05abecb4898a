"""Trouble on request: lost replies, errors and throttles, to test what stands above."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .errors import AwsError


class Mode(StrEnum):
    """What happens to a call that a fault hits."""

    DROP = "drop"  #: The work is done, and the connection is cut instead of an answer.
    ERROR_500 = "error500"  #: Nothing is done; the answer is an internal error.
    THROTTLE = "throttle"  #: Nothing is done; the answer is "Rate exceeded".
    DELAY = "delay"  #: The work is done later, by `seconds`.
    FORBIDDEN = "forbidden"  #: Nothing is done; the answer is 403 AccessDenied.


#: What the caller is told when nothing is done.
REFUSALS: Mapping[Mode, AwsError] = {
    Mode.ERROR_500: AwsError("InternalServerError", "An injected fault.", 500),
    Mode.THROTTLE: AwsError("ThrottlingException", "Rate exceeded"),
    Mode.FORBIDDEN: AwsError("AccessDenied", "Access Denied", 403),
}


@dataclass(kw_only=True)
class Fault:
    """Which calls of an operation are hit, and how.

    Without `count`, `probability` or `keys` every call is hit until the fault is removed.
    """

    mode: Mode
    #: How many calls are still to be hit.
    count: int | None = None
    #: The share of the calls that is hit, by a generator that starts from `seed`.
    probability: float = 1.0
    seed: int = 0
    #: How long a delayed call waits.
    seconds: float = 0.0
    #: Only S3 calls for these ("bucket/key") are hit.
    keys: tuple[str, ...] = ()
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.mode, self.keys = Mode(self.mode), tuple(self.keys)
        self._random = random.Random(self.seed)

    def hits(self, subject: str) -> bool:
        """Say whether the next call, for this bucket and key, is hit; uses it up."""
        if self.count == 0 or (self.keys and subject not in self.keys):
            return False
        if self._random.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True

    def view(self) -> dict[str, Any]:
        """The fault as it was asked for, with what is left of it."""
        return {name: value for name, value in vars(self).items() if name != "_random"}


class Faults:
    """The faults in force, by operation ("AddJobFlowSteps", "s3:GetObject")."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}

    def set(self, faults: Mapping[str, Mapping[str, Any]]) -> None:
        """Put these in force, beside those of other operations.

        Raises AwsError when one cannot be understood; then none is.
        """
        try:
            new = {operation: Fault(**fault) for operation, fault in faults.items()}
        except (TypeError, ValueError) as error:
            raise AwsError("ValidationException", f"Not a fault: {error}") from None
        with self._lock:
            self._faults |= new

    def clear(self) -> None:
        """Remove every fault."""
        with self._lock:
            self._faults.clear()

    def draw(self, operation: str, subject: str) -> Fault | None:
        """The fault that hits this call, or None."""
        with self._lock:
            fault = self._faults.get(operation)
            return fault if fault and fault.hits(subject) else None

    def view(self) -> dict[str, dict[str, Any]]:
        """Every fault in force."""
        with self._lock:
            return {operation: fault.view() for operation, fault in self._faults.items()}
