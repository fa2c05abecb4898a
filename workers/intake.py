"""Finds the tag group of a request whose producer does not know the rules, or whose group has no queue."""

from __future__ import annotations

import logging

from ..models import request_queues
from ..models.errors import InvalidInput
from ..models.queues import INTAKE
from ..monitoring import recorder
from ..routing_rules.rules import NoRoute
from .broker.delivery import Delivery
from .bus import RequestBus
from .fleet import Fleet
from .requests import Refused, read_request, refuse

log = logging.getLogger(__name__)


def intake(fleet: Fleet, bus: RequestBus, delivery: Delivery) -> str | None:
    """Pass the request on to its tag group's queue, or keep it as a dead letter.

    Returns:
        The tag group for which it is to be accepted here and now: its queue is not there, and passed
        on, the request would come back.
    """
    rules = fleet.rules.now().rules
    if delivery.routing_key in rules.names:
        bus.note_missing(delivery.routing_key)
        return delivery.routing_key
    try:
        request = read_request(delivery, fleet.publishers)
        # The exchange sends here what no queue takes. A group that was taken out of the rules had
        # producers, who may not have heard; any other key is a mistake.
        if delivery.routing_key != INTAKE and not request_queues.is_known(delivery.routing_key):
            groups = ", ".join([*rules.names, INTAKE])
            problem = InvalidInput(
                "message",
                [f"routing key {delivery.routing_key!r} is unknown: expected one of {groups}"],
            )
            raise Refused(problem, request.id, {})
        tag_group = rules.tag_group_of(request)
    except NoRoute as error:
        recorder.record_decision(INTAKE, "no_route", "")
        refuse(fleet, bus, delivery, Refused(error, request.id, {}), tag_group=INTAKE)
        return None
    except Refused as refused:
        recorder.record_request(INTAKE, "invalid")
        refuse(fleet, bus, delivery, refused, tag_group=INTAKE)
        return None
    log.info(
        f"Sent from {delivery.routing_key} to its tag group.",
        extra={"action": "intake", "job_id": request.id, "tag_group": tag_group},
    )
    bus.forward(delivery, tag_group)
    return None
