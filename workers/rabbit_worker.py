"""A worker process on RabbitMQ: declares the queues, and works until it is told to stop."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..models import jobs
from ..models.database import connect, disconnect
from ..models.errors import InvalidInput
from ..models.queues import (
    INTAKE_QUEUE,
    SUSPECTS_QUEUE,
    WORK_QUEUES,
    group_queue,
    topology,
)
from ..models.settings import Settings
from .broker import FleetBroker
from .broker.topology import declare
from .fleet import Fleet
from .process import open_fleet, working
from .rabbit_bus import RabbitBus
from .rules_in_force import RulesInForce
from .stages import declare_request_stages, declare_stages
from .stopping import until_stopped

log = logging.getLogger(__name__)


@contextmanager
def rabbit_fleet(
    settings: Settings, names: Sequence[str], *, prefetch: int, staging_url: str, archive_url: str
) -> Iterator[tuple[FleetBroker, Fleet]]:
    """The broker of this process with all of its actors, and the fleet that they work for.

    Arguments:
        names: The tag groups of the rule files; their queues are declared.
        prefetch: Messages in hand per queue.

    Raises:
        ServiceUnavailable: RabbitMQ cannot be reached.
    """
    assert settings.amqp_url
    declare(settings.amqp_url, topology(names))
    broker = FleetBroker(
        settings.amqp_url,
        groups=names,
        prefetch=prefetch,
        max_body_bytes=settings.max_body_bytes,
    )
    bus = RabbitBus(broker)
    try:
        fleet = open_fleet(settings, bus, staging_url=staging_url, archive_url=archive_url)
        declare_stages(broker, fleet)
        declare_request_stages(broker, fleet, bus, INTAKE_QUEUE)
        yield broker, fleet
    finally:
        broker.close()


def run(settings: Settings, *, groups: Sequence[str] | None, threads: int) -> int:
    """Work until SIGTERM or SIGINT; returns the exit code.

    Arguments:
        groups: Tag groups to take requests of; None: all of the rule files, and the intake.
        threads: Messages that are worked at at once.

    Raises:
        ServiceUnavailable: RabbitMQ or MongoDB cannot be reached.
        InvalidInput: A group is not in the rule files.
    """
    assert settings.mongodb_url
    assert settings.staging_url
    assert settings.archive_url
    # Read before anything is connected to: what is wrong with them is told at once.
    rules = RulesInForce(settings.rules)
    connect(settings.mongodb_url)
    jobs.ensure_indexes()
    names = rules.now().rules.names
    if unknown := sorted(set(groups or ()) - set(names)):
        raise InvalidInput(
            "--group", [f"no tag group {unknown[0]!r}: expected one of {', '.join(names)}"]
        )
    request_queues = (
        {group_queue(name) for name in groups}
        if groups
        else {INTAKE_QUEUE, *map(group_queue, names)}
    )
    queues = {*request_queues, *WORK_QUEUES, SUSPECTS_QUEUE}
    opened = rabbit_fleet(
        settings,
        names,
        prefetch=threads,
        staging_url=settings.staging_url,
        archive_url=settings.archive_url,
    )
    try:
        with (
            opened as (broker, fleet),
            until_stopped() as stopping,
            working(broker, fleet, queues=queues, threads=threads),
        ):
            log.info(f"Takes messages from {len(queues)} queues.", extra={"action": "started"})
            stopping.wait()
    finally:
        disconnect()
    return 0
