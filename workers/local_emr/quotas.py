"""How many calls EMR takes: the documented quotas of an account, as token buckets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Quota:
    """A full bucket of calls, and how fast it fills again."""

    burst: int
    refill_per_second: float


#: What every call together may take.
ACCOUNT_QUOTA: Final = Quota(25, 5.0)

#: The default quotas of one account in one region, by operation. Source: Service Quotas
#: (`aws service-quotas list-service-quotas --service-code elasticmapreduce`), three public dumps.
OPERATION_QUOTAS: Final[Mapping[str, Quota]] = {
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


@dataclass(slots=True)
class _Bucket:
    quota: Quota
    filled_at: float
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.quota.burst

    def refill(self, now: float) -> None:
        gained = (now - self.filled_at) * self.quota.refill_per_second
        self.level = min(self.quota.burst, self.level + gained)
        self.filled_at = now


class Governor:
    """Admits calls as EMR does, or every call while it is switched off.

    Arguments:
        enforced: Whether it starts switched on.
        clock: Seconds that only grow; tests bring their own.
    """

    def __init__(self, *, enforced: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock, self._clock, self._enforced = threading.Lock(), clock, enforced
        self._fill()

    @property
    def enforced(self) -> bool:
        """Whether calls over the quota are refused."""
        return self._enforced

    def enforce(self, enforced: bool) -> None:
        """Switch on, with full buckets, or off."""
        with self._lock:
            self._enforced = enforced
            self._fill()

    def admits(self, operation: str) -> bool:
        """Take one call of the operation and of the account; False when either has none left."""
        with self._lock:
            if not self._enforced:
                return True
            buckets = [self._account, *filter(None, [self._operations.get(operation)])]
            now = self._clock()
            for bucket in buckets:
                bucket.refill(now)
            if any(bucket.level < 1 for bucket in buckets):
                return False
            for bucket in buckets:
                bucket.level -= 1
            return True

    def _fill(self) -> None:
        now = self._clock()
        self._account = _Bucket(ACCOUNT_QUOTA, now)
        self._operations = {name: _Bucket(quota, now) for name, quota in OPERATION_QUOTAS.items()}
