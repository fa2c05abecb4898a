"""Keeps worker processes running: starts them again when they die, ends them all when told to."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from ..models.processes import dies_with_parent

log = logging.getLogger(__name__)

#: A process that died sooner than this after its start is started again only after a pause.
SOUND_SECONDS = 10.0

#: How long the processes have to end, in seconds, before they are killed; longer than a worker's own grace.
STOP_SECONDS = 40.0

#: Exit codes that say that starting again will not help: bad settings, a service that is not there at start.
FINAL_EXIT_CODES = frozenset({2, 3})


def supervise(commands: Sequence[Sequence[str]], stopping: threading.Event) -> int:
    """Run each command as a process until `stopping` is set; returns the exit code for the whole.

    A process that dies is started again. One that ends in its first seconds with an exit code of
    FINAL_EXIT_CODES ends the whole: a typing error in a setting must not become an endless loop.

    Must be called from the main thread: the kernel ends the processes when the thread that started them ends.
    """
    began = time.monotonic()
    processes = {index: _start(command) for index, command in enumerate(commands)}
    started = dict.fromkeys(processes, began)
    exit_code = 0
    while not stopping.wait(0.2):
        for index, process in processes.items():
            code = process.poll()
            if code is None:
                continue
            age = time.monotonic() - started[index]
            if code in FINAL_EXIT_CODES and time.monotonic() - began < 60:
                exit_code = code
                stopping.set()
                break
            log.error(
                f"Worker process {process.pid} ended with {code}; started again.",
                extra={"action": "restart"},
            )
            if age < SOUND_SECONDS and stopping.wait(2.0):
                break
            processes[index], started[index] = _start(commands[index]), time.monotonic()
    return _stop(list(processes.values())) or exit_code


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(list(command), stdin=subprocess.DEVNULL, preexec_fn=dies_with_parent())


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> int:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error(
                f"Worker process {process.pid} does not stop; killed.", extra={"action": "killed"}
            )
            process.kill()
            process.wait()
    return 0


def worker_command(*arguments: str) -> list[str]:
    """The command line of one more tagfleet process."""
    return [sys.executable, "-m", "tagfleet", *arguments]
