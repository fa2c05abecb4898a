"""How often EMR may be called: an account's quotas, and the buckets of tokens that keep below them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


@dataclass(frozen=True, slots=True)
class Quota:
    """A full bucket of calls, and how many a second it gets back."""

    burst: float
    refill: float


#: The name of the bucket that the calls of all operations share.
ALL: Final = "all"

#: The default quotas of one account in one region. Source: Service Quotas
#: (`aws service-quotas list-service-quotas --service-code elasticmapreduce`).
DOCUMENTED: Final[Mapping[str, Quota]] = {
    ALL: Quota(25, 5.0),
    "AddJobFlowSteps": Quota(10, 0.5),
    "AddTags": Quota(5, 0.5),
    "CancelSteps": Quota(10, 0.5),
    "DescribeCluster": Quota(10, 1.0),
    "DescribeStep": Quota(10, 0.5),
    "ListClusters": Quota(20, 0.5),
    "ListSteps": Quota(10, 0.5),
    "ModifyCluster": Quota(10, 0.5),
    "RemoveTags": Quota(5, 0.5),
    "RunJobFlow": Quota(10, 0.5),
    "TerminateJobFlows": Quota(10, 0.5),
}

#: What TAGFLEET_EMR_QUOTAS may be, for whoever gave it something else.
EXPECTED: Final = (
    "none, or operation=burst/refill a second, as in AddJobFlowSteps=10/0.5,ListSteps=20/1; "
    f"the operations are {', '.join(DOCUMENTED)}"
)

#: The part of the refill that is used: EMR's second and ours are not quite the same.
USED: Final = 0.96

#: A call may reach EMR so much later than its token was taken, or be timed by a clock that is so much
#: ahead, in seconds: what a bucket gets back in this time is kept from its burst.
SLACK_SECONDS: Final = 2.0

#: A bucket's time that is further ahead than this was set by a clock that is plainly wrong, in seconds.
FAR_AHEAD_SECONDS: Final = 30.0

_ENTRY = re.compile(r"\s*(\w+)\s*=\s*(\d{1,6})\s*/\s*(\d{1,6}(?:\.\d{1,6})?)\s*")


class Priority(Enum):
    """How urgent a call is; its value is the part of the common bucket that it leaves to more urgent ones."""

    CANCEL = 0.0
    SUBMIT = 0.1
    DESCRIBE = 0.2
    SWEEP = 0.4


_PRIORITIES: Final[Mapping[str, Priority]] = {
    "CancelSteps": Priority.CANCEL,
    "TerminateJobFlows": Priority.CANCEL,
    "AddJobFlowSteps": Priority.SUBMIT,
    "RunJobFlow": Priority.SUBMIT,
    "DescribeCluster": Priority.DESCRIBE,
    "DescribeStep": Priority.DESCRIBE,
    "ListClusters": Priority.DESCRIBE,
}


def priority_of(operation: str) -> Priority:
    """How urgent the calls of an operation are; whatever is not known can wait longest."""
    return _PRIORITIES.get(operation, Priority.SWEEP)


def read_quotas(text: str) -> Mapping[str, Quota] | None:
    """The quotas that a setting names, and the documented ones for all others; None for `none`.

    Raises:
        ValueError: It is not as EXPECTED says.
    """
    if text == "none":
        return None
    return {**DOCUMENTED, **dict(_read_entry(entry) for entry in text.split(",") if entry.strip())}


def _read_entry(entry: str) -> tuple[str, Quota]:
    found = _ENTRY.fullmatch(entry)
    if not found or found[1] not in DOCUMENTED:
        raise ValueError(entry)
    quota = Quota(int(found[2]), float(found[3]))
    if quota.burst < 1 or quota.refill <= 0:
        raise ValueError(entry)
    return found[1], quota


def kept_below(quota: Quota) -> Quota:
    """What is used of a quota, so that neither clocks nor the network's delays make it too much."""
    slack = max(1.0, quota.refill * SLACK_SECONDS)
    return Quota(max(1.0, quota.burst - slack), quota.refill * USED)


def reserve_of(operation: str, common: Quota) -> float:
    """The tokens that a call of this operation leaves in the common bucket."""
    # Of the full bucket less one: a full bucket must do for any call.
    return priority_of(operation).value * (common.burst - 1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left of a quota, and when that was so."""

    level: float
    #: Seconds since the epoch, by the clock that was furthest ahead.
    at: float

    def filled(self, quota: Quota, now: float) -> Bucket:
        """The bucket as it is now. Its time never goes back, so no second fills it twice."""
        if self.at - now > FAR_AHEAD_SECONDS:
            return Bucket(min(self.level, quota.burst), now)
        gained = max(0.0, now - self.at) * quota.refill
        return Bucket(min(quota.burst, self.level + gained), max(self.at, now))

    def wait(self, quota: Quota, now: float, reserve: float = 0.0) -> float:
        """How long until a token can be taken that leaves the reserve, in seconds; 0.0 if there is one."""
        missing = 1 + reserve - self.level
        if missing <= 0:
            return 0.0
        # Up to the next millisecond: a clock of today has no digits for what rounding leaves over.
        milliseconds = 1000 * (missing / quota.refill + max(0.0, self.at - now))
        return (math.floor(milliseconds) + 1) / 1000

    def less(self) -> Bucket:
        """The bucket without one token."""
        return Bucket(self.level - 1, self.at)
