"""One thread that does things later: boot delays and the steps that are only timers."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Timers:
    """Calls functions, one at a time, when they are due."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        # Two things due at the same moment keep their order.
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="local-emr-timers", daemon=True)

    def start(self) -> None:
        """Begin; what was asked for before is not lost."""
        self._thread.start()

    def after(self, seconds: float, function: Callable[[], None]) -> None:
        """Call the function once, after so many seconds, without any lock held."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), function))
            self._changed.notify()

    def stop(self) -> None:
        """Forget everything that is not due yet, and wait for what is being done."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (function := self._next()) is not None:
            try:
                function()
            except Exception:
                # One broken step must not take the clock away from all others.
                log.exception("A timer of the local EMR failed.")

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._stopped:
                if not self._due:
                    self._changed.wait()
                elif (wait := self._due[0][0] - time.monotonic()) > 0:
                    self._changed.wait(wait)
                else:
                    return heapq.heappop(self._due)[2]
        return None
