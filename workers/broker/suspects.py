"""Messages that came back too often without an answer: each waits its turn in a queue of its own.

What kills a worker takes everything with it that the worker has in hand, and RabbitMQ counts that against
all of it. So the count of a common queue only makes a message a suspect. Of the suspects' queue a worker has
one message in hand: what comes back there again did it by itself.
"""

from __future__ import annotations

from dataclasses import replace

from ...models import dead_letters as headers
from ...models.amqp import Outgoing
from ...models.queues import SUSPECTS_QUEUE, WORK_QUEUES, group_of
from .copies import copy_of
from .delivery import Delivery

#: How often a message came back without an answer when it becomes a suspect.
SUSPECT_AT = 3

#: How often it came back after that, alone, when it is not run again.
CONDEMN_AT = 3

#: How often it came back when not even what tells its job is run: that was what killed the worker.
BURY_AT = CONDEMN_AT + 2


def suspect(delivery: Delivery) -> Outgoing:
    """The message for the suspects' queue."""
    return copy_of(
        delivery,
        exchange="",
        routing_key=SUSPECTS_QUEUE,
        headers={
            headers.QUEUE: delivery.queue,
            headers.ROUTING_KEY: delivery.routing_key,
            headers.EXCHANGE: delivery.exchange,
            headers.DELIVERIES: delivery.deliveries,
        },
    )


def as_it_came(delivery: Delivery) -> Delivery | None:
    """A delivery of the suspects' queue as that of its first queue; None if it never was in another."""
    found = [
        delivery.headers.get(name)
        for name in (headers.QUEUE, headers.EXCHANGE, headers.ROUTING_KEY)
    ]
    earlier = delivery.headers.get(headers.DELIVERIES)
    if not all(isinstance(each, str) for each in found) or not isinstance(earlier, int):
        return None
    queue, exchange, routing_key = map(str, found)
    if queue not in WORK_QUEUES and group_of(queue) is None:
        return None
    user_id = delivery.headers.get(headers.USER_ID)
    return replace(
        delivery,
        queue=queue,
        exchange=exchange,
        routing_key=routing_key,
        user_id=user_id if isinstance(user_id, str) else None,
        headers={
            name: value
            for name, value in delivery.headers.items()
            if not name.startswith(headers.OURS)
        },
        earlier_deliveries=earlier,
    )
