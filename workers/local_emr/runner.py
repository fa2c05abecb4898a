"""Runs a step as a process of this machine."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import logs
from .errors import CannotLaunch
from .launch import command_line, environment
from .logs import ControllerLog
from .steps import Failure, Step
from .undertaker import Undertaker, kill_group

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What every step of a server finds."""

    #: The folders of the clusters, and in them those of the steps.
    clusters: Path
    #: The buckets.
    s3_root: Path
    #: The programs that come first on a step's PATH.
    tools: Path
    #: Where the API answers.
    url: str


class ProcessRunner:
    """Runs steps, each in a session of its own, so many at once and the others in turn.

    Arguments:
        machine: What the steps find.
        max_processes: How many run at once; the API says RUNNING of the others too.
        starting: `Scheduler.starting`.
        ended: `Scheduler.ended`.
    """

    def __init__(
        self,
        machine: Machine,
        max_processes: int,
        starting: Callable[[Step], bool],
        ended: Callable[[Step, Failure | None], None],
    ) -> None:
        self._machine, self._starting, self._ended = machine, starting, ended
        self._pool = ThreadPoolExecutor(max_processes, thread_name_prefix="local-emr-step")
        self._undertaker = Undertaker()
        self._lock = threading.Lock()
        #: The process group of each step that has one.
        self._groups: dict[str, int] = {}
        #: What each step was sent before it had one.
        self._early_signals: dict[str, signal.Signals] = {}
        self._waiting: dict[str, Future[None]] = {}

    def start(self, step: Step, log_uri: str | None) -> None:
        """Run this step as soon as one of the places is free."""
        with self._lock:
            self._waiting[step.id] = self._pool.submit(self._run, step, log_uri)

    def signal(self, step: Step, number: signal.Signals) -> None:
        """Send a signal to all processes of a step; one that still waits for a place just ends."""
        with self._lock:
            group = self._groups.get(step.id)
            if group is not None:
                kill_group(group, number)
            elif (waiting := self._waiting.get(step.id)) and waiting.cancel():
                del self._waiting[step.id]
                self._pool_free(step)
            else:
                self._early_signals[step.id] = number

    def stop(self) -> None:
        """Kill every step, and wait until none is left."""
        self._undertaker.stop()
        self._pool.shutdown(cancel_futures=True)
