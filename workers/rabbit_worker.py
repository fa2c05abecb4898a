"""A worker process on RabbitMQ: declares the queues, and works until it is told to stop."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..models import jobs
from ..models.database import connect, disconnect
from ..models.errors import InvalidInput
from ..models.queues import (
    CLUSTERS_QUEUE,
    FINISH_QUEUE,
    INTAKE_QUEUE,
    RECOVER_QUEUE,
    group_queue,
    topology,
)
from ..models.settings import Settings
from ..routing_rules.groups import load_rules
from .broker import FleetBroker
from .broker.topology import declare
from .process import open_fleet, working
from .rabbit_bus import RabbitBus
from .stages import declare_request_stages, declare_stages
from .stopping import until_stopped

log = logging.getLogger(__name__)


def run(settings: Settings, *, groups: Sequence[str] | None, threads: int) -> int:
    """Work until SIGTERM or SIGINT; returns the exit code.

    Arguments:
        groups: Tag groups to take requests of; None: all of the rule files, and the intake.
        threads: Messages that are worked at at once.

    Raises:
        ServiceUnavailable: RabbitMQ or MongoDB cannot be reached.
        InvalidInput: A group is not in the rule files.
    """
    assert settings.amqp_url
    assert settings.mongodb_url
    assert settings.staging_url
    assert settings.archive_url
    names = load_rules(settings.rules).names
    if unknown := sorted(set(groups or ()) - set(names)):
        raise InvalidInput(
            "--group", [f"no tag group {unknown[0]!r}: expected one of {', '.join(names)}"]
        )
    connect(settings.mongodb_url)
    jobs.ensure_indexes()
    declare(settings.amqp_url, topology(names))
    broker = FleetBroker(
        settings.amqp_url, groups=names, prefetch=threads, max_body_bytes=settings.max_body_bytes
    )
    bus = RabbitBus(broker)
    fleet = open_fleet(
        settings, bus, staging_url=settings.staging_url, archive_url=settings.archive_url
    )
    declare_stages(broker, fleet)
    declare_request_stages(broker, fleet, bus, INTAKE_QUEUE)
    request_queues = (
        {group_queue(name) for name in groups}
        if groups
        else {INTAKE_QUEUE, *map(group_queue, names)}
    )
    queues = {*request_queues, CLUSTERS_QUEUE, FINISH_QUEUE, RECOVER_QUEUE}
    try:
        with until_stopped() as stopping, working(broker, fleet, queues=queues, threads=threads):
            log.info(f"Takes messages from {len(queues)} queues.", extra={"action": "started"})
            stopping.wait()
    finally:
        broker.close()
        disconnect()
    return 0
