"""The actors of the fleet: which function runs for which message, and by which queue it comes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import dramatiq

from ..models.database_errors import database_away
from ..models.queues import CLUSTERS_QUEUE, FINISH_QUEUE, RECOVER_QUEUE
from ..monitoring import recorder
from .accept import accept, take_on
from .broker.decoding import BURY_ACTOR
from .broker.delivery import Delivery
from .burial import bury
from .bus import RequestBus
from .finish import finish
from .fleet import Fleet
from .intake import intake
from .reconcile.one_pass import reconcile

log = logging.getLogger(__name__)

#: The fleet's own actors, each with its queue: what a Bus can ring for.
QUEUE_OF = {"reconcile": CLUSTERS_QUEUE, "finish": FINISH_QUEUE, "take_on": RECOVER_QUEUE}


def declare_stages(broker: dramatiq.Broker, fleet: Fleet) -> None:
    """Turn the stages that ids are sent to into actors of the broker."""
    stages: dict[str, Callable[..., None]] = {
        "reconcile": reconcile,
        "finish": finish,
        "take_on": take_on,
    }
    for name, stage in stages.items():
        _declare(broker, name, QUEUE_OF[name], lambda argument, stage=stage: stage(fleet, argument))


def declare_request_stages(
    broker: dramatiq.Broker, fleet: Fleet, bus: RequestBus, queue: str
) -> None:
    """Turn the stages that take requests from a queue into actors; only where there is a RabbitMQ.

    Arguments:
        queue: Any of the request queues: which one a message came by is in its delivery.
    """

    def run_intake(delivery: Delivery) -> None:
        tag_group = intake(fleet, bus, delivery)
        if tag_group is not None:
            accept(fleet, bus, delivery, tag_group=tag_group)

    def run_accept(delivery: Delivery) -> None:
        accept(fleet, bus, delivery)

    def run_bury(delivery: Delivery, reason: str) -> None:
        bury(fleet, bus, delivery, reason)

    _declare(broker, "intake", queue, run_intake)
    _declare(broker, "accept", queue, run_accept)
    _declare(broker, BURY_ACTOR, queue, run_bury)


def _declare(broker: dramatiq.Broker, name: str, queue: str, run: Callable[..., None]) -> None:
    def actor(*arguments: Any, **named: Any) -> None:
        begin, result = time.monotonic(), "error"
        try:
            run(*arguments, **named)
            result = "done"
        except Exception as error:
            away = database_away(error)
            if away is None:
                raise
            # The message is tried again.
            raise away from error
        finally:
            recorder.record_message(name, result, time.monotonic() - begin)

    dramatiq.actor(broker=broker, actor_name=name, queue_name=queue)(actor)
