"""Lets the queues of the tag groups follow the rules: new ones are declared, old ones drained and deleted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection
from datetime import datetime
from typing import Final

from pymongo.errors import PyMongoError

from ..models import request_queues
from ..models.errors import InvalidInput, Retryable
from ..models.queues import RequestQueue
from ..models.request_queues import QueueState
from ..routing_rules.in_force import RulesNow
from .broker import FleetBroker
from .broker.topology import DeclaredOtherwise
from .drain import Drain
from .rules_in_force import RulesInForce

log = logging.getLogger(__name__)

#: How often it is looked whether the rules, or the state of a queue, have changed.
TICK_SECONDS: Final = 1.0

#: Who has not looked for so long does not know which groups there are.
LOOKED_SECONDS: Final = 10.0


class GroupQueues:
    """Looks every second, in a thread of its own, which queues this process consumes, and how.

    Every process does: there is no leader. Only the last steps of a drain are one process's (see Drain).
    A process that cannot use the rules that were applied last changes no queue.

    Arguments:
        only: The tag groups whose requests this process takes; None: all, as they come and go.
    """

    def __init__(
        self,
        rules: RulesInForce,
        broker: FleetBroker,
        worker: str,
        *,
        only: Collection[str] | None = None,
    ) -> None:
        self._rules, self._broker, self._worker, self._only = rules, broker, worker, only
        #: The queues that were declared as the rules say.
        self._standing: dict[str, RequestQueue] = {}
        self._drains: dict[str, Drain] = {}
        self._looked_at = float("-inf")
        self._is_current = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="group-queues", daemon=True)

    @property
    def knows_groups(self) -> bool:
        """Whether the groups that are consumed are those in force, as far as anybody knows."""
        return self._is_current and time.monotonic() - self._looked_at < LOOKED_SECONDS

    def check(self) -> None:
        """Make sure that there are the groups that this process is to take requests of.

        Raises:
            InvalidInput: There is no such group.
        """
        names = self._rules.now().rules.names
        drained = {
            group
            for group, (state, _) in request_queues.states().items()
            if state is QueueState.DRAINING
        }
        if unknown := sorted(set(self._only or ()) - set(names) - drained):
            raise InvalidInput(
                "--group", [f"no tag group {unknown[0]!r}: expected one of {', '.join(names)}"]
            )

    def start(self) -> None:
        """Go on looking."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look that is under way; another process may end its drains."""
        self._stopping.set()
        self._thread.join()
        for drain in self._drains.values():
            drain.give_up()

    def _run(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                self.tick()
            except (Retryable, PyMongoError) as error:
                log.warning(
                    f"The queues of the tag groups are looked at later: {error}",
                    extra={"action": "queues-missed"},
                )
            except Exception:  # one bad look must not be the last
                log.exception("The queues of the tag groups were not looked at.")

    def tick(self) -> None:
        """Look once.

        Raises:
            ServiceUnavailable, MayNotDeclare: A queue cannot be declared.
        """
        now, self._is_current = self._rules.now(), self._rules.is_current
        states = request_queues.states()
        wanted = {queue.group: queue for queue in queues_of(now)}
        for group, queue in wanted.items():
            state, since = states.get(group, (QueueState.GONE, None))
            if state is QueueState.DRAINING and since:
                self._drain(group, since, queue)
            else:
                self._open(queue, state)
        for group in states.keys() - wanted.keys():
            self._see_off(group, *states[group], is_applied=now.version is not None)
        self._looked_at = time.monotonic()

    def _open(self, queue: RequestQueue, state: QueueState) -> None:
        """Have the queue stand as the rules say, and consume it."""
        if drain := self._drains.pop(queue.group, None):
            drain.give_up()
        if self._standing.get(queue.group) == queue and state is QueueState.OPEN:
            return
        if not self._is_current:
            self._broker.take(queue)
            return
        if state is not QueueState.OPEN:
            request_queues.opened(queue.group)
        try:
            self._broker.add_group(queue)
        except DeclaredOtherwise:
            self._standing.pop(queue.group, None)
            if request_queues.move(queue.group, QueueState.OPEN, QueueState.DRAINING):
                log.info(
                    f"The queue of {queue.group} is to be kept otherwise: it is drained, and made anew.",
                    extra={"action": "draining", "tag_group": queue.group},
                )
        else:
            self._standing[queue.group] = queue

    def _see_off(self, group: str, state: QueueState, since: datetime, *, is_applied: bool) -> None:
        """Have the queue of a group go that is not in the rules."""
        if state is QueueState.DRAINING:
            self._drain(group, since, None)
        elif state is QueueState.GONE:
            self._standing.pop(group, None)
            if drain := self._drains.pop(group, None):
                drain.give_up()
            if self._broker.knows(group):
                self._broker.drain(group)
        # Where nothing was applied, each process has rules of its own, and may not have all groups.
        elif (
            is_applied
            and self._is_current
            and request_queues.move(group, QueueState.OPEN, QueueState.DRAINING)
        ):
            log.info(
                f"The tag group {group} is not in the rules any more: its queue is drained.",
                extra={"action": "draining", "tag_group": group},
            )

    def _drain(self, group: str, since: datetime, wanted: RequestQueue | None) -> None:
        self._standing.pop(group, None)
        if self._only is not None and group not in self._only:
            # Who ends a drain has to be able to work at what is left.
            self._broker.forget(group)
            return
        if group not in self._drains:
            self._broker.drain(group)
            self._drains[group] = Drain(group, self._broker, self._worker)
        if self._is_current:
            self._drains[group].step(since, wanted)


def queues_of(now: RulesNow) -> list[RequestQueue]:
    """The queues that the rules ask for."""
    return [
        RequestQueue(
            group=group.name, max_queued=group.max_queued, delivery_limit=group.delivery_limit
        )
        for group in now.rules.tag_groups
    ]
