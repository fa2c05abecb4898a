"""The last steps of a queue that is drained: one process stays with it until it is empty, and deletes it.

RabbitMQ deletes a quorum queue with all that is in it, and with what is in the hands of workers, and it
counts neither reliably: it says 0 when the queue does not answer at once. So whoever deletes it is its last
consumer. A count of exactly one consumer is no such 0; and when nothing is ready, and the one consumer has
settled all that it was given, nothing is left.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from ..models import lease as leases
from ..models import request_queues
from ..models.database import now
from ..models.errors import LeaseLost
from ..models.lease import Lease
from ..models.queues import RequestQueue
from ..models.request_queues import QueueState
from .broker import FleetBroker
from .broker.topology import DeclaredOtherwise, Depth, delete, depth_of, unbind

log = logging.getLogger(__name__)

#: How long a process stays with a queue after its last look; another takes over then.
LEASE_SECONDS: Final = 15.0

#: How long a queue is drained at least: what was led there before, and workers that still lead there, are
#: over by then.
LEAST: Final = timedelta(seconds=5)

#: How often a queue is found empty, one look after the other, before it is deleted.
LOOKS: Final = 3


class Drain:
    """How this process sees a queue off; any other may take over at any point."""

    def __init__(self, group: str, broker: FleetBroker, worker: str) -> None:
        self._group, self._broker, self._worker = group, broker, worker
        self._lease: Lease | None = None
        self._found_empty = 0
        self._is_deleted = False

    def step(self, since: datetime, wanted: RequestQueue | None) -> None:
        """Do what can be done now, if no other process does.

        Arguments:
            since: Since when the queue is drained.
            wanted: How it is to stand again; None: it is not.

        Raises:
            ServiceUnavailable, MayNotDeclare: RabbitMQ does not do it.
        """
        if not self._holds():
            return
        if self._is_deleted and self._broker.is_idle(self._group):
            # The consumer has not heard yet. Attached to the queue that was, it would get nothing of a new one.
            return
        self._is_deleted = False
        if wanted and self._stands(wanted):
            return
        queue = RequestQueue(group=self._group)
        # Each time: a worker that has not heard of it yet may have led requests there again.
        unbind(self._broker.connection, queue.binding)
        depth = depth_of(self._broker.connection, queue.queue.name)
        if depth is None:
            if not wanted:
                self._end(QueueState.GONE, "is deleted")
            return
        is_empty = depth == Depth(messages=0, consumers=1) and self._broker.is_idle(self._group)
        self._found_empty = self._found_empty + 1 if is_empty else 0
        if self._found_empty >= LOOKS and now() - since > LEAST and self._holds():
            delete(self._broker.connection, queue.queue.name)
            self._is_deleted, self._found_empty = True, 0

    def give_up(self) -> None:
        """Leave the rest to another process."""
        if self._lease:
            self._lease.release()
            self._lease = None

    def _holds(self) -> bool:
        """Whether this process is the one that stays; takes the part if nobody has it."""
        try:
            if self._lease:
                self._lease.check(LEASE_SECONDS)
        except LeaseLost:
            self._lease, self._found_empty = None, 0
            self._broker.drain(self._group)
        if not self._lease:
            self._lease = leases.acquire(f"queue:{self._group}", self._worker, LEASE_SECONDS)
            if self._lease:
                self._broker.drain(self._group, stay=True)
        return self._lease is not None

    def _stands(self, wanted: RequestQueue) -> bool:
        """Whether the queue stands as it is to; declares it if nothing is in the way."""
        try:
            self._broker.declare_group(wanted)
        except DeclaredOtherwise:
            return False
        self._end(QueueState.OPEN, "stands as the rules say")
        return True

    def _end(self, state: QueueState, what: str) -> None:
        if request_queues.move(self._group, QueueState.DRAINING, state):
            log.info(
                f"The queue of {self._group} {what}.",
                extra={"action": f"queue-{state}", "tag_group": self._group},
            )
