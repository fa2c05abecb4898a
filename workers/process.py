"""One worker process: its threads take messages, its clock ticks, until it is told to stop."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dramatiq
from dramatiq.worker import Worker

from ..models import lifecycle
from ..models.aws import AwsClients
from ..models.setting_values import PUBLIC
from ..models.settings import Settings
from ..models.storage import open_storage
from ..monitoring import recorder
from . import limits
from .bus import Bus
from .clock import Clock
from .emr_events.listener import listening
from .engines.emr_steps import EmrSteps
from .engines.governor import open_governor
from .fleet import Fleet
from .publishers import Publishers
from .rules_in_force import RulesInForce
from .staging import SourceRules, Staging, is_loopback

log = logging.getLogger(__name__)

#: How long a stopping worker waits for what its threads are doing, in seconds. Stages take seconds; what
#: does not end in time is delivered again, and changes nothing the second time.
STOP_SECONDS = 30

#: Where the local S3 and the web servers of a developer are.
_LOOPBACK = ("127.0.0.0/8", "::1")

#: Messages that one process works at.
DEFAULT_THREADS = 8


def open_fleet(settings: Settings, bus: Bus, *, staging_url: str, archive_url: str) -> Fleet:
    """Put together what the stages of this process are given.

    Raises:
        InvalidInput: No rules can be used.
        BadSetting: A storage address cannot be used.
    """
    clients = AwsClients()
    rules = RulesInForce(settings.rules)
    rules.now()
    return Fleet(
        settings=settings,
        rules=rules,
        bus=bus,
        clients=clients,
        engine=EmrSteps(clients, open_governor(settings.emr_quotas)),
        staging=Staging(
            open_storage(staging_url, clients),
            clients,
            rules=SourceRules.of(_with_local_sources(settings, os.environ), staging_url),
        ),
        archive=open_storage(archive_url, clients),
        publishers=Publishers.of(settings),
    )


def _with_local_sources(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Where EMR itself is on this machine, jobs run here too, and may fetch from here.

    Unless a user has said what they may.
    """
    endpoint = environ.get("AWS_ENDPOINT_URL_EMR") or environ.get("AWS_ENDPOINT_URL") or ""
    if not is_loopback(endpoint):
        return settings
    hosts = settings.source_hosts
    return replace(
        settings,
        source_hosts=(PUBLIC, *_LOOPBACK) if hosts == (PUBLIC,) else hosts,
        source_folders=settings.source_folders or (Path("/"),),
    )


@contextmanager
def working(
    broker: dramatiq.Broker, fleet: Fleet, *, queues: Collection[str] | None, threads: int
) -> Iterator[None]:
    """Take messages and tick while the block lasts; ends when what is under way has ended."""
    recorder.install()
    lifecycle.listen(limits.release)
    # A stub worker in the same process must not sleep long on an empty queue.
    worker = Worker(
        broker, queues=set(queues) if queues else None, worker_threads=threads, worker_timeout=100
    )
    clock = Clock(fleet)
    worker.start()
    clock.start()
    try:
        with listening(fleet):
            yield
    finally:
        clock.stop()
        worker.stop(timeout=STOP_SECONDS * 1000)
