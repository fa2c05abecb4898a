"""Whether the fleet takes anything on for now."""

from __future__ import annotations

import threading
import time
from typing import Final

from ...models.job import Job
from ...models.queues import LONGEST_REQUEST_QUEUE
from ...models.states import JobStatus
from .problems import Problem
from .services import Services

#: How old the count of waiting jobs may be, in seconds.
_COUNT_SECONDS: Final = 2.0

#: When a client may submit again that came while too much was waiting, in seconds.
_RETRY_SECONDS: Final = 30


def check_open(door: Services) -> None:
    """Make sure that submissions are switched on.

    Raises:
        Problem: 503, they are not.
    """
    if door.settings.submissions == "off":
        raise Problem(
            503,
            "Submissions are switched off for now (TAGFLEET_SUBMISSIONS=off); ask your admin.",
            retry_after=_RETRY_SECONDS,
        )


class Backlog:
    """How many jobs wait to be routed: no more are taken on than a queue of requests would take."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted, self._count = 0.0, 0

    def check(self) -> None:
        """Make sure that there is room for one more.

        Raises:
            Problem: 429, there is none.
        """
        most = LONGEST_REQUEST_QUEUE
        if self._look(most) >= most:
            raise Problem(
                429,
                f"{most} jobs wait to be routed already; submit it again later, under the same id.",
                retry_after=_RETRY_SECONDS,
            )

    def _look(self, most: int) -> int:
        with self._lock:
            if time.monotonic() - self._counted > _COUNT_SECONDS:
                waiting = {"status": str(JobStatus.RESERVED)}
                self._count = Job._get_collection().count_documents(waiting, limit=most)
                self._counted = time.monotonic()
            return self._count


backlog = Backlog()
