"""Comes back to a RabbitMQ that is away: soon at first, then at growing intervals, one try for all consumers."""

from __future__ import annotations

import logging
import random
import threading
import time

from ...models.amqp import AmqpConnection, Link
from ...models.errors import ServiceUnavailable

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0

#: Who has not failed for so long starts again with the first pause. Success alone does not count: what
#: connects and is thrown out at once must not try in a tight loop.
CALM_SECONDS = 2 * LONGEST_PAUSE_SECONDS


class Backoff:
    """When to try again."""

    def __init__(self) -> None:
        self._failures = 0
        self._failed_at = self._not_before = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the pause is over."""
        return time.monotonic() >= self._not_before

    def failed(self) -> float:
        """Note a failure; returns the pause until the next try, in seconds."""
        now = time.monotonic()
        if now - self._failed_at > CALM_SECONDS:
            self._failures = 0
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**self._failures)
        self._failures = min(self._failures + 1, 10)
        # Workers that lost the same broker must not all come back in the same moment.
        pause *= random.uniform(0.5, 1)
        self._failed_at, self._not_before = now, now + pause
        return pause


class Reconnecting:
    """The link of the process, for consumers: never raises, and tries as often as the back-off allows."""

    def __init__(self, connection: AmqpConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._backoff = Backoff()

    def link(self) -> Link | None:
        """The link; None while there is none, or another thread is about to make it."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._connection.link() if self._backoff.is_due else None
        except ServiceUnavailable as error:
            pause = self._backoff.failed()
            log.warning("%s Tried again in %.1f s.", error, pause)
            return None
        finally:
            self._lock.release()
