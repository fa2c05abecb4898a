"""Starts what is not there already: database, EMR, S3; and the workers in this process."""

from __future__ import annotations

import logging
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...models import endpoints, jobs
from ...models.aws import AwsClients
from ...models.database import connect, disconnect
from ...models.embedded_mongodb import served
from ...models.errors import ServiceUnavailable
from ...models.local_addresses import use_local_emr
from ...models.processes import dies_with_parent, free_port, make_folder, stop
from ...models.settings import SETTINGS, Settings
from ...monitoring import exposition
from ..process import DEFAULT_THREADS, open_fleet, working
from ..rabbit_worker import rabbit_fleet
from ..stages import declare_stages
from ..supervisor import worker_command
from .http import http_served
from .local_bus import LocalBus

log = logging.getLogger(__name__)

#: The local S3's bucket that staged files, archives and logs are kept in.
BUCKET = "tagfleet"

#: The local EMR may be asked more often than EMR: it has no quota.
LOCAL_SWEEP_SECONDS = 0.5
LOCAL_BATCH_SECONDS = 0.2

#: How long the local EMR may take to answer, in seconds.
START_SECONDS = 60.0


@contextmanager
def up(settings: Settings) -> Iterator[Mapping[str, str]]:
    """The whole fleet, for as long as the block lasts; gives the addresses of what was started.

    Raises:
        ServiceUnavailable: Something that a URL names cannot be reached, or something does not start.
    """
    make_folder(settings.data)
    with ExitStack() as stack:
        mongodb = settings.mongodb_url or stack.enter_context(served(settings.data / "mongodb"))
        connect(mongodb)
        stack.callback(disconnect)
        jobs.ensure_indexes()
        addresses = {"mongodb": mongodb}
        if needs_local_emr(settings, os.environ):
            url = stack.enter_context(_local_emr(settings.data / "local-emr"))
            stack.enter_context(use_local_emr(url))
            _make_bucket()
            addresses |= {"emr": url, "s3": url}
            settings = _at_local_pace(settings)
        if settings.amqp_url:
            addresses["amqp"] = settings.amqp_url
        settings = replace(settings, mongodb_url=mongodb, **_stores(settings))
        http = stack.enter_context(http_served(settings))
        stack.enter_context(_workers(settings))
        if metrics_url := stack.enter_context(exposition.serving(settings.metrics_bind)):
            addresses["metrics"] = metrics_url
        if http:
            addresses["http"] = http.wait()
        endpoints.write(settings.data, addresses)
        stack.callback(endpoints.remove, settings.data)
        yield addresses


def needs_local_emr(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Whether no AWS is meant: no endpoint is named, and there is no region with an S3 to stage to."""
    if environ.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT_URL_EMR"):
        return False
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return not (region and (settings.staging_url or "").startswith("s3://"))


def _at_local_pace(settings: Settings) -> Settings:
    def pace(name: str, local: float) -> float:
        return float(getattr(settings, name)) if SETTINGS[name].variable in os.environ else local

    return replace(
        settings,
        sweep_seconds=pace("sweep_seconds", LOCAL_SWEEP_SECONDS),
        batch_seconds=pace("batch_seconds", LOCAL_BATCH_SECONDS),
        emr_quotas=settings.emr_quotas if SETTINGS["emr_quotas"].variable in os.environ else None,
    )


@contextmanager
def _local_emr(home: Path) -> Iterator[str]:
    port = free_port()
    make_folder(home)
    command = worker_command("local-emr", "--home", str(home), "--port", str(port))
    with (home / "server.log").open("ab") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            preexec_fn=dies_with_parent(),
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, f"{url}/_local/health", home)
        yield url
    finally:
        stop(process)


def _wait(process: subprocess.Popen[bytes], url: str, home: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise ServiceUnavailable(
        "The local EMR", str(home), "it does not start", f"See {home / 'server.log'}."
    )


def _make_bucket() -> None:
    AwsClients().s3().create_bucket(Bucket=BUCKET)


def _stores(settings: Settings) -> dict[str, Any]:
    return {
        "staging_url": settings.staging_url or f"s3://{BUCKET}/staging",
        "archive_url": settings.archive_url or f"s3://{BUCKET}/archive",
    }


@contextmanager
def _workers(settings: Settings) -> Iterator[None]:
    stores = _stores(settings)
    with ExitStack() as stack:
        if settings.amqp_url:
            stack.enter_context(rabbit_fleet(settings, threads=DEFAULT_THREADS, **stores))
        else:
            bus = LocalBus()
            fleet = open_fleet(settings, bus, **stores)
            stack.callback(bus.broker.close)
            declare_stages(bus.broker, fleet)
            stack.enter_context(working(bus.broker, fleet, queues=None, threads=DEFAULT_THREADS))
        yield
