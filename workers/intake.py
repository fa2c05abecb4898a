"""Finds the tag group of a request whose producer does not know the rules."""

from __future__ import annotations

import logging

from ..models.errors import InvalidInput
from ..models.queues import INTAKE
from ..monitoring import recorder
from ..routing_rules.rules import NoRoute
from .broker.delivery import Delivery
from .bus import RequestBus
from .fleet import Fleet
from .requests import Refused, read_request, refuse

log = logging.getLogger(__name__)


def intake(fleet: Fleet, bus: RequestBus, delivery: Delivery) -> None:
    """Pass the request on to its tag group's queue, or keep it as a dead letter."""
    rules = fleet.rules.now().rules
    known = rules.names
    try:
        request = read_request(delivery)
        # The exchange sends here what no queue takes: a key that is no group's, or of a group whose
        # queue was deleted.
        if delivery.routing_key not in (INTAKE, *known):
            groups = ", ".join([*known, INTAKE])
            problem = InvalidInput(
                "message",
                [f"routing key {delivery.routing_key!r} is unknown: expected one of {groups}"],
            )
            raise Refused(problem, request.id, {})
        is_sorted = delivery.routing_key in known
        tag_group = delivery.routing_key if is_sorted else rules.tag_group_of(request)
    except NoRoute as error:
        recorder.record_decision(INTAKE, "no_route", "")
        refuse(fleet, bus, delivery, Refused(error, request.id, {}), tag_group=INTAKE)
        return
    except Refused as refused:
        recorder.record_request(INTAKE, "invalid")
        refuse(fleet, bus, delivery, refused, tag_group=INTAKE)
        return
    log.info(
        "Sent to its tag group.",
        extra={"action": "intake", "job_id": request.id, "tag_group": tag_group},
    )
    bus.forward(delivery, tag_group)
