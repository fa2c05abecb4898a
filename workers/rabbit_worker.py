"""A worker process on RabbitMQ: declares the queues, and works until it is told to stop."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..models import jobs
from ..models.database import connect, disconnect
from ..models.queues import INTAKE_QUEUE, SUSPECTS_QUEUE, WORK_QUEUES, group_queue, topology
from ..models.settings import Settings
from .broker import FleetBroker
from .broker.topology import declare
from .fleet import Fleet
from .group_queues import GroupQueues
from .process import open_fleet, working
from .rabbit_bus import RabbitBus
from .stages import declare_request_stages, declare_stages
from .stopping import until_stopped, wait_until

log = logging.getLogger(__name__)


@contextmanager
def rabbit_fleet(
    settings: Settings,
    *,
    groups: Sequence[str] | None = None,
    threads: int,
    staging_url: str,
    archive_url: str,
) -> Iterator[Fleet]:
    """A worker of this process on RabbitMQ, for as long as the block lasts; gives the fleet it works for.

    Arguments:
        groups: Tag groups to take requests of; None: all of the rules in force, and the intake.
        threads: Messages that are worked at at once; as many are in hand per queue.

    Raises:
        ServiceUnavailable: RabbitMQ cannot be reached.
        InvalidInput: A group is not in the rules in force, or there are none that can be used.
    """
    assert settings.amqp_url
    declare(settings.amqp_url, topology(()))
    broker = FleetBroker(
        settings.amqp_url,
        prefetch=threads,
        max_body_bytes=settings.max_body_bytes,
        knows_groups=lambda: following.knows_groups,
        signs=settings.amqp_identity != "off",
    )
    bus = RabbitBus(broker)
    try:
        fleet = open_fleet(settings, bus, staging_url=staging_url, archive_url=archive_url)
        following = GroupQueues(fleet.rules, broker, fleet.worker, only=groups)
        following.check()
        following.tick()
        declare_stages(broker, fleet)
        declare_request_stages(broker, fleet, bus, INTAKE_QUEUE)
        with working(broker, fleet, queues=_queues(groups), threads=threads):
            following.start()
            try:
                yield fleet
            finally:
                following.stop()
    finally:
        broker.close()


def _queues(groups: Sequence[str] | None) -> list[str] | None:
    if not groups:
        return None
    return [*map(group_queue, groups), *WORK_QUEUES, SUSPECTS_QUEUE]


def run(settings: Settings, *, groups: Sequence[str] | None, threads: int) -> int:
    """Work until SIGTERM or SIGINT; returns the exit code.

    Arguments:
        groups: Tag groups to take requests of; None: all of the rules in force, and the intake.
        threads: Messages that are worked at at once.

    Raises:
        ServiceUnavailable: RabbitMQ or MongoDB cannot be reached.
        InvalidInput: A group is not in the rules in force, or there are none that can be used.
    """
    assert settings.mongodb_url
    assert settings.staging_url
    assert settings.archive_url
    connect(settings.mongodb_url)
    jobs.ensure_indexes()
    opened = rabbit_fleet(
        settings,
        groups=groups,
        threads=threads,
        staging_url=settings.staging_url,
        archive_url=settings.archive_url,
    )
    try:
        with until_stopped() as stopping, opened:
            what = ", ".join(groups) if groups else "all tag groups"
            log.info(f"Takes messages from the queues of {what}.", extra={"action": "started"})
            wait_until(stopping)
    finally:
        disconnect()
    return 0
