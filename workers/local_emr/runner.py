"""Runs a step as a process of this machine."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from . import logs
from .applications import Applications
from .errors import CannotLaunch
from .launch import command_line, environment
from .logs import ControllerLog
from .sessions import Sessions
from .steps import Failure, Step

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
        sessions: Runs their processes.
        applications: Which may need a step's folders for longer than the step.
        max_processes: How many run at once; the API says RUNNING of the others too.
        starting: `Scheduler.starting`.
        ended: `Scheduler.ended`.
    """

    def __init__(
        self,
        machine: Machine,
        sessions: Sessions,
        applications: Applications,
        max_processes: int,
        starting: Callable[[Step], bool],
        ended: Callable[[Step, Failure | None], None],
    ) -> None:
        self._machine, self._starting, self._ended = machine, starting, ended
        self._pool = ThreadPoolExecutor(max_processes, thread_name_prefix="local-emr-step")
        self._sessions, self._applications = sessions, applications
        self._lock = threading.Lock()
        self._waiting: dict[str, Future[None]] = {}

    def start(self, step: Step, log_uri: str | None) -> None:
        """Run this step as soon as one of the places is free."""
        with self._lock:
            self._waiting[step.id] = self._pool.submit(self._run, step, log_uri)

    def signal(self, step: Step, number: signal.Signals) -> None:
        """Send a signal to all processes of a step; one that still waits for a place just ends."""
        with self._lock:
            waiting = self._waiting.get(step.id)
            if waiting is None or not waiting.cancel():
                self._sessions.signal(step.id, number)
                return
            del self._waiting[step.id]
        # Not from here: whoever sends a signal holds the scheduler's lock.
        threading.Thread(target=self._ended, args=(step, None)).start()

    def stop(self) -> None:
        """Wait until no step is left; those that run were killed before."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, step: Step, log_uri: str | None) -> None:
        with self._lock:
            self._waiting.pop(step.id, None)
        if not self._starting(step):
            self._ended(step, None)
            return
        folder = self._machine.clusters / step.cluster_id / "steps" / step.id
        try:
            failure = self._execute(step, folder)
        except Exception as error:
            # One broken step must not take a place away from all others.
            log.exception("Step %s could not be run.", step.id)
            failure = Failure("The local EMR could not run the step.", str(error))
        self._ended(step, self._with_logs(step, folder, log_uri, failure))

    def _execute(self, step: Step, folder: Path) -> Failure | None:
        """Run the step's process to its end; returns why it failed, if it did."""
        work, temporary = folder / "work", folder / "tmp"
        for each in (work, temporary):
            each.mkdir(parents=True)
        begin = time.monotonic()
        with (folder / "controller").open("w") as file:
            controller = ControllerLog(file)
            try:
                words = command_line(step, self._machine.s3_root, temporary)
                controller.write("INFO", f"startExec '{shlex.join(words)}'")
                code = self._run_process(step, words, folder)
            except CannotLaunch as error:
                controller.write("ERROR", f"{error.reason} {error}")
                # The failure names this file as the place to look.
                (folder / "stderr").write_text(f"{error.message}\n")
                return Failure(error.reason, error.message)
            finally:
                self._applications.when_none_runs(step.id, partial(_remove, work, temporary))
            seconds = time.monotonic() - begin
            result = ("INFO", "succeeded") if code == 0 else ("WARN", "failed")
            controller.write(
                result[0], f"Step {result[1]} with exitCode {code} and took {seconds:.0f} seconds"
            )
        return Failure("Unknown Error.", logs.cause(folder)) if code else None

    def _run_process(self, step: Step, words: list[str], folder: Path) -> int:
        machine = self._machine
        seen = environment(
            os.environ, step, url=machine.url, tools=machine.tools, s3_root=machine.s3_root,
            temporary=folder / "tmp",
        )  # fmt: skip
        if shutil.which(words[0], path=seen["PATH"]) is None:
            raise CannotLaunch("Command not found.", f"{words[0]}: command not found")
        return self._sessions.run(step.id, words, seen, folder / "work", folder)

    def _with_logs(
        self, step: Step, folder: Path, log_uri: str | None, failure: Failure | None
    ) -> Failure | None:
        """Bring the logs to where the user asked for them; a failure says where they are then."""
        if not log_uri:
            return failure
        try:
            path = f"{step.cluster_id}/steps/{step.id}"
            address = logs.upload(folder, log_uri, path, self._machine.s3_root)
        except OSError:
            log.exception("The logs of step %s could not be copied to %s.", step.id, log_uri)
            return failure
        return failure and replace(failure, log_file=f"{address}stderr.gz")


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
