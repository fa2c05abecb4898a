"""`tagfleet rules watch`: keeps a fleet's rules as a folder has them, as a checkout of a repository."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from mongoengine.errors import OperationError
from pymongo.errors import PyMongoError

from ...models import rule_sets
from ...models.database import now
from ...models.database_errors import is_away
from ...models.embedded_mongodb import database_for
from ...models.errors import Fatal, InvalidInput, Retryable
from ...models.rule_sets import WatchReport
from ...models.settings import Settings
from ...monitoring import logs
from ...routing_rules.rule_files.reader import rule_texts
from ..applying import Candidate, apply
from .rules_applied import user_name

log = logging.getLogger(__name__)


def add_verb(verbs: Any) -> None:
    """Describe the verb."""
    verb = verbs.add_parser(
        "watch", help="apply the files of a folder whenever they change, until Ctrl-C"
    )
    verb.add_argument("path", type=Path, metavar="PATH", help="a rule file, or a folder of them")
    verb.add_argument(
        "--every", type=float, default=2.0, metavar="SECONDS", help="how often to look (default: 2)"
    )
    verb.add_argument("--by", metavar="NAME", help="who applies them (default: this user)")
    verb.set_defaults(run=_watch)


def _watch(settings: Settings, arguments: argparse.Namespace) -> int:
    if not arguments.every > 0:
        raise InvalidInput("--every", [f"expected more than 0 seconds, found {arguments.every:g}"])
    logs.configure(settings.log, settings.log_level)
    watch = _Watch(arguments.path, arguments.by or user_name())
    with database_for(settings), _until_signal() as stopping:
        log.info(f"Watches {arguments.path}.", extra={"action": "watching"})
        while not stopping.is_set():
            watch.look()
            stopping.wait(arguments.every)
    # Who runs it once more learns whether what lies there is in force.
    return 0 if watch.is_good else 1


class _Watch:
    """Applies what lies at a path when it has changed; what is broken changes nothing."""

    def __init__(self, path: Path, applied_by: str) -> None:
        self._path, self._by = path, applied_by
        self._seen: str | None = None
        #: Whether what was seen last is in force.
        self.is_good = True

    def look(self) -> None:
        """Look once; a database that is away is asked again the next time."""
        try:
            self._look()
        except (PyMongoError, OperationError) as error:
            if not is_away(error):
                raise
            log.warning(
                f"MongoDB cannot be reached; tried again. {error}",
                extra={"action": "rules-delayed"},
            )
            self._seen = None

    def _look(self) -> None:
        try:
            signature = _signature(self._path)
            if signature == self._seen:
                return
            done = apply(Candidate.read(self._path), applied_by=self._by, note=str(self._path))
        except Retryable as error:
            log.warning(f"{error} Tried again.", extra={"action": "rules-delayed"})
            return
        except Fatal as error:
            self._refuse(str(error))
            return
        self._seen, self.is_good = signature, True
        self._report(None)
        if done.changed:
            log.info(
                f"Version {done.version} of the rules is in force.",
                extra={"action": "rules-applied", "digest": done.digest[:12]},
            )

    def _refuse(self, why: str) -> None:
        if self.is_good or self._seen != why:
            log.error(
                f"The rules there cannot be used; those in force stay so. {why}",
                extra={"action": "rules-refused"},
            )
            self._report(why)
        # Read again each time: a checkout that is under way may be whole the next time.
        self._seen, self.is_good = why, False

    def _report(self, problem: str | None) -> None:
        """Write it down for `rules status`, the metrics and the console."""
        rule_sets.report_watch(
            WatchReport(
                path=str(self._path.resolve()),
                watcher=f"{self._by}@{socket.gethostname()}",
                time=now(),
                problem=problem,
            )
        )


def _signature(path: Path) -> str:
    """Tells contents apart; by what is in the files, as a checkout may keep their times."""
    digest = sha256()
    for name, content in rule_texts([path]).items():
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


@contextmanager
def _until_signal() -> Iterator[threading.Event]:
    stopping = threading.Event()
    before = {
        each: signal.signal(each, lambda *_: stopping.set())
        for each in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stopping
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
