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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from . import logs
from .errors import CannotLaunch
from .launch import command_line, environment
from .logs import ControllerLog
from .steps import Failure, Step
from .undertaker import Undertaker, kill_group

log = logging.getLogger(__name__)

#: Runs a command when a line comes in, and never when the input ends before: of a server that is
#: killed right after it started a process, the undertaker may not have heard yet.
GATE: Final = 'read -r _ && exec "$@" < /dev/null'


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
        self._stopped = False

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
                # Not from here: whoever sends a signal holds the scheduler's lock.
                threading.Thread(target=self._ended, args=(step, None)).start()
            else:
                self._early_signals[step.id] = number

    def stop(self) -> None:
        """Kill every step, and wait until none is left."""
        with self._lock:
            self._stopped = True
            for group in self._groups.values():
                kill_group(group)
        self._pool.shutdown(cancel_futures=True)
        # Last: each step that ends tells the undertaker.
        self._undertaker.stop()

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
                code = self._wait_for(step, self._start(step, words, folder))
            except CannotLaunch as error:
                controller.write("ERROR", f"{error.reason} {error}")
                return Failure(error.reason, error.message)
            finally:
                for each in (work, temporary):
                    shutil.rmtree(each, ignore_errors=True)
            seconds = time.monotonic() - begin
            result = ("INFO", "succeeded") if code == 0 else ("WARN", "failed")
            controller.write(
                result[0], f"Step {result[1]} with exitCode {code} and took {seconds:.0f} seconds"
            )
        return Failure("Unknown Error.", logs.cause(folder)) if code else None

    def _start(self, step: Step, words: list[str], folder: Path) -> subprocess.Popen[bytes]:
        machine = self._machine
        seen = environment(
            os.environ, step, url=machine.url, tools=machine.tools, s3_root=machine.s3_root,
            temporary=folder / "tmp",
        )  # fmt: skip
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            if shutil.which(words[0], path=seen["PATH"]) is None:
                text = f"{words[0]}: command not found"
                stderr.write(text.encode() + b"\n")
                raise CannotLaunch("Command not found.", text)
            process = subprocess.Popen(
                ["/bin/sh", "-c", GATE, "sh", *words],
                stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, env=seen,
                cwd=folder / "work", start_new_session=True,
            )  # fmt: skip
        # Its session's first process leads a group of the same number.
        self._undertaker.watch(process.pid)
        with self._lock:
            self._groups[step.id] = process.pid
            early = self._early_signals.pop(step.id, None)
            if self._stopped:
                early = signal.SIGKILL
            if early:
                kill_group(process.pid, early)
        assert process.stdin
        with suppress(BrokenPipeError), process.stdin as gate:
            gate.write(b"\n")
        return process

    def _wait_for(self, step: Step, process: subprocess.Popen[bytes]) -> int:
        """Wait for the process, end what it left behind, and return its exit code as a shell does."""
        if hasattr(os, "waitid"):
            # It is not reaped yet: until then its number cannot become another's.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()
        with self._lock:
            del self._groups[step.id]
            kill_group(process.pid)
        self._undertaker.forget(process.pid)
        code = process.wait()
        return code if code >= 0 else 128 - code

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
