"""What can be set from outside: every variable once, with its default and its meaning."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final

from .errors import BadSetting
from .quota import EXPECTED as QUOTAS_EXPECTED
from .quota import Quota, read_quotas
from .roles import Role
from .setting import Setting
from .setting_values import (
    address,
    bind,
    number,
    one_of,
    path,
    queues,
    store,
    whole,
)
from .trust_settings import TRUST

#: Every setting, by its attribute in Settings. The reference in docs/ is generated from this table.
SETTINGS: Final[dict[str, Setting]] = {
    "amqp_url": Setting(
        "TAGFLEET_AMQP_URL",
        "",
        "RabbitMQ. Unset: jobs travel inside the one process that `tagfleet up` starts.",
        address("amqp", "amqps"),
        "amqp://user:password@host:5672/vhost or amqps://...",
    ),
    "mongodb_url": Setting(
        "TAGFLEET_MONGODB_URL",
        "",
        "MongoDB, with the database's name in the path (default `tagfleet`). "
        "Unset: an embedded, durable one in TAGFLEET_DATA.",
        address("mongodb", "mongodb+srv"),
        "mongodb://user:password@host:27017/database",
    ),
    "rules": Setting(
        "TAGFLEET_RULES",
        "",
        "The admins' rule files: a folder or one YAML file. Unset: one tag group, `default`.",
        path,
        "a path",
    ),
    "staging_url": Setting(
        "TAGFLEET_STAGING_URL",
        "",
        "Where the files of jobs are staged for their cluster. Unset: the local S3 of the embedded mode.",
        store,
        "s3://bucket/prefix or a folder",
    ),
    "archive_url": Setting(
        "TAGFLEET_ARCHIVE_URL",
        "",
        "Where the logs of ended jobs are kept. Unset: the local S3 of the embedded mode.",
        store,
        "s3://bucket/prefix or a folder",
    ),
    "data": Setting(
        "TAGFLEET_DATA",
        ".tagfleet",
        "The folder of the embedded mode: database, local EMR, `endpoints.json`.",
        path,
        "a path",
    ),
    "log": Setting(
        "TAGFLEET_LOG",
        "console",
        "How log lines look.",
        one_of("console", "json"),
        "console or json",
    ),
    "log_level": Setting(
        "TAGFLEET_LOG_LEVEL",
        "INFO",
        "The least important log line that is written.",
        one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "DEBUG, INFO, WARNING or ERROR",
    ),
    "metrics_bind": Setting(
        "TAGFLEET_METRICS_BIND",
        "127.0.0.1:9191",
        "Where a worker serves its Prometheus metrics. Port 0 takes a free one; empty switches it off.",
        bind,
        "host:port",
    ),
    "sweep_seconds": Setting(
        "TAGFLEET_SWEEP_SECONDS",
        "15",
        "How often the steps of a cluster with open jobs are listed. EMR's default quota is one "
        "ListSteps every 2 s for the whole account: keep it above 2 s times the number of clusters.",
        number(0.2, 3600),
        "seconds between 0.2 and 3600",
    ),
    "emr_events_url": Setting(
        "TAGFLEET_EMR_EVENTS_URL",
        "",
        "The SQS queue that an EventBridge rule sends EMR's events to (`EMR Step Status Change`, `EMR "
        "Cluster State Change`); several, of other regions, with commas between. Unset: the fleet learns "
        "by listing alone how the steps do.",
        queues,
        "https://sqs.<region>.amazonaws.com/<account>/<queue>",
    ),
    "events_sweep_seconds": Setting(
        "TAGFLEET_EVENTS_SWEEP_SECONDS",
        "900",
        "How often the steps of a cluster with open jobs are listed when TAGFLEET_EMR_EVENTS_URL is set: "
        "EMR's events are not guaranteed to arrive. Jobs in doubt, and those that are to be killed, are "
        "looked at as often as TAGFLEET_SWEEP_SECONDS says.",
        number(0.2, 86_400),
        "seconds between 0.2 and 86400",
    ),
    "batch_seconds": Setting(
        "TAGFLEET_BATCH_SECONDS",
        "1",
        "How long an accepted job may wait for others, to be submitted with them in one call.",
        number(0, 60),
        "seconds between 0 and 60",
    ),
    "look_ahead": Setting(
        "TAGFLEET_LOOK_AHEAD",
        "10",
        "How many steps a cluster is given beyond those that it runs at once.",
        whole(0, 250),
        "a whole number between 0 and 250",
    ),
    "emr_quotas": Setting(
        "TAGFLEET_EMR_QUOTAS",
        "",
        "How often EMR may be called, where AWS has changed the account's quotas; all workers together "
        "keep a little below. Unset: EMR's documented defaults. `none`: call as often as there is need.",
        read_quotas,
        QUOTAS_EXPECTED,
    ),
    "queue_seconds": Setting(
        "TAGFLEET_QUEUE_SECONDS",
        "86400",
        "How long a job may wait for a cluster and for a slot there, unless its `queueTimeout` says "
        "otherwise; it fails then.",
        number(1, 365 * 86_400),
        "seconds between 1 and 31536000",
    ),
    "retention_days": Setting(
        "TAGFLEET_RETENTION_DAYS",
        "90",
        "How long an ended job is kept in MongoDB; 0 keeps all. Archived logs stay where they are.",
        number(0, 36_500),
        "days between 0 and 36500",
    ),
    "lease_seconds": Setting(
        "TAGFLEET_LEASE_SECONDS",
        "60",
        "How long a worker may act for a cluster before another may take over.",
        number(2, 3600),
        "seconds between 2 and 3600",
    ),
    "max_body_bytes": Setting(
        "TAGFLEET_MAX_BODY_BYTES",
        str(8 * 1024 * 1024),
        "The largest message body that is read; a larger one is a dead letter.",
        # A job's document holds its request, and MongoDB takes 16 MiB.
        whole(1024, 12 * 1024 * 1024),
        "a whole number of bytes between 1024 and 12582912",
    ),
    "http_bind": Setting(
        "TAGFLEET_HTTP_BIND",
        "127.0.0.1:8080",
        "Where `tagfleet api` serves HTTP. Port 0 takes a free one. `tagfleet up` takes a free one, too, "
        "where this is unset and 8080 is taken; empty, it serves no HTTP.",
        bind,
        "host:port",
    ),
    "submissions": Setting(
        "TAGFLEET_SUBMISSIONS",
        "on",
        "Whether jobs may be submitted over HTTP; `off` answers them 503 while all else goes on.",
        one_of("on", "off"),
        "on or off",
    ),
    "max_attachment_bytes": Setting(
        "TAGFLEET_MAX_ATTACHMENT_BYTES",
        str(100 * 1024 * 1024),
        "How large all files together may be that are sent with a job over HTTP.",
        whole(0, 5 * 1024**3),
        "a whole number of bytes between 0 and 5368709120",
    ),
    **TRUST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked; read once, at start."""

    amqp_url: str | None
    mongodb_url: str | None
    rules: Path | None
    staging_url: str | None
    archive_url: str | None
    data: Path
    log: str
    log_level: str
    metrics_bind: tuple[str, int] | None
    sweep_seconds: float
    emr_events_url: tuple[str, ...]
    events_sweep_seconds: float
    batch_seconds: float
    look_ahead: int
    emr_quotas: Mapping[str, Quota] | None
    queue_seconds: float
    retention_days: float
    lease_seconds: float
    max_body_bytes: int
    source_schemes: frozenset[str]
    source_hosts: tuple[str, ...]
    source_folders: tuple[Path, ...]
    amqp_identity: str
    amqp_trusted_publishers: tuple[str, ...]
    http_bind: tuple[str, int] | None
    http_auth: frozenset[str]
    http_trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    http_user_header: str
    http_groups_header: str
    http_roles: Mapping[str, Role]
    http_rate: float
    submissions: str
    max_attachment_bytes: int

    @property
    def pause_between_sweeps(self) -> float:
        """How often the steps of a cluster are listed, in seconds."""
        return self.events_sweep_seconds if self.emr_events_url else self.sweep_seconds

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment, and a `.env` file in the current folder for what it does not set.

        Raises:
            BadSetting: A value cannot be used; names the variable and what is expected.
        """
        if environ is None:
            environ = {**read_env_file(Path(".env")), **os.environ}
        return cls(**{name: _value(setting, environ) for name, setting in SETTINGS.items()})


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """The TAGFLEET_ variables that nothing reads: misspelt ones, most likely."""
    known = {setting.variable for setting in SETTINGS.values()}
    return sorted(name for name in environ if name.startswith("TAGFLEET_") and name not in known)


def _value(setting: Setting, environ: Mapping[str, str]) -> Any:
    text = environ.get(setting.variable, setting.default).strip()
    try:
        return setting.read(text)
    except ValueError as error:
        raise BadSetting(setting.variable, masked(text), setting.expected) from error


def masked(url: str) -> str:
    """The URL without its password, fit for a log, an error or a file."""
    # Not by urlsplit: a password that was not encoded may hold a "/" or a "?".
    return re.sub(r"(://[^\s:/@]*:)\S*(?=@)", r"\1***", url)


def read_env_file(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a `.env` file; quotes around a value are dropped."""
    if not path.is_file():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("\"'")
    return found
