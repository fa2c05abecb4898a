"""How many requests a caller may send: a bucket of permits for each, which fills as time passes."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from ..problems import Problem

#: What may come at once, in seconds' worth of requests.
BURST_SECONDS: Final = 10.0

#: How many callers are remembered; then those with full buckets are forgotten.
_MOST: Final = 10_000


class Rates:
    """The buckets of one process.

    Arguments:
        rate: Requests a second; 0: any number.
        clock: Gives the time, in seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._size = max(1.0, rate * BURST_SECONDS)
        self._lock = threading.Lock()
        #: What is left in each bucket, and when that was so.
        self._buckets: dict[str, tuple[float, float]] = {}

    def check(self, who: str) -> None:
        """Take one permit.

        Raises:
            Problem: 429, there is none; says when there will be.
        """
        if not self._rate:
            return
        with self._lock:
            moment = self._clock()
            left = self._left(who, moment)
            if left >= 1:
                self._buckets[who] = (left - 1, moment)
                self._forget(moment)
                return
        seconds = math.ceil((1 - left) / self._rate)
        raise Problem(
            429,
            f"More than {self._rate:g} requests a second came from {who} (TAGFLEET_HTTP_RATE).",
            retry_after=seconds,
        )

    def _left(self, who: str, moment: float) -> float:
        left, when = self._buckets.get(who, (self._size, moment))
        return min(self._size, left + (moment - when) * self._rate)

    def _forget(self, moment: float) -> None:
        if len(self._buckets) <= _MOST:
            return
        full = [who for who in self._buckets if self._left(who, moment) >= self._size]
        # Where none is full, whoever came first starts anew.
        for who in full or list(self._buckets)[: _MOST // 10]:
            del self._buckets[who]
