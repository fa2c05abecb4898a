"""Messages that came back too often without an answer: each waits its turn in a queue of its own.

What kills a worker takes everything with it that the worker has in hand, and RabbitMQ counts that against
all of it. So the count of a common queue only makes a message a suspect. Before a suspect is run, a copy of
it is published that says so: only a copy that comes back was being run when its worker died. Workers die of
much else, and often several times in a row; so there are pauses between the runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...models import dead_letters as headers
from ...models.amqp import Outgoing
from ...models.queues import SUSPECTS_QUEUE, WORK_QUEUES, group_of
from .copies import copy_of
from .delivery import Delivery

#: How often a message came back without an answer when it becomes a suspect.
SUSPECT_AT = 3

#: The pauses before each run of a suspect, in seconds; whoever died in all of these runs is not run again.
PAUSES: tuple[float, ...] = (1.0, 10.0, 60.0, 300.0)

#: How often what is not run again came back, when not even its job is told: that was what killed the worker.
BURY_AT = 3


@dataclass(frozen=True, slots=True)
class Suspect:
    """A message of the suspects' queue."""

    #: As it came by its first queue.
    delivery: Delivery
    #: How often it was run since it is a suspect; the run that it was published for is the last of them.
    runs: int

    @property
    def is_next(self) -> bool:
        """Whether it was published in order to be run now."""
        return self.runs > 0 and self.delivery.delivery_count == 0

    @property
    def is_condemned(self) -> bool:
        """Whether its worker died in each run."""
        return self.runs >= len(PAUSES) and not self.is_next

    @property
    def pause(self) -> float:
        """How long before its next run, in seconds."""
        return PAUSES[self.runs]


def suspect(delivery: Delivery, *, runs: int = 0) -> Outgoing:
    """The message for the suspects' queue.

    Arguments:
        runs: How often it was run there, the run that it is published for included.
    """
    return copy_of(
        delivery,
        exchange="",
        routing_key=SUSPECTS_QUEUE,
        headers={
            headers.QUEUE: delivery.queue,
            headers.ROUTING_KEY: delivery.routing_key,
            headers.EXCHANGE: delivery.exchange,
            headers.DELIVERIES: delivery.deliveries,
            headers.RUNS: runs,
        },
    )


def read_suspect(delivery: Delivery) -> Suspect | None:
    """What came by the suspects' queue; None if it never was in another one."""
    found = [
        delivery.headers.get(name)
        for name in (headers.QUEUE, headers.EXCHANGE, headers.ROUTING_KEY)
    ]
    earlier, runs = (delivery.headers.get(name) for name in (headers.DELIVERIES, headers.RUNS))
    if not all(isinstance(each, str) for each in found):
        return None
    if not isinstance(earlier, int) or not isinstance(runs, int) or runs < 0:
        return None
    queue, exchange, routing_key = map(str, found)
    if queue not in WORK_QUEUES and group_of(queue) is None:
        return None
    first = replace(
        delivery,
        queue=queue,
        exchange=exchange,
        routing_key=routing_key,
        headers={
            name: value
            for name, value in delivery.headers.items()
            if not name.startswith(headers.OURS)
        },
        earlier_deliveries=earlier,
    )
    return Suspect(first, runs)
