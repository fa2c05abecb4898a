"""Processes of users, each in a session of its own; none of them survives the server."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from .undertaker import Undertaker, kill_group

#: Runs a command when a line comes in, and never when the input ends before: of a server that is
#: killed right after it started a process, the undertaker may not have heard yet.
GATE: Final = 'read -r _ && exec "$@" < /dev/null'


class Sessions:
    """Runs processes, and sends them signals, by names of the caller's."""

    def __init__(self) -> None:
        self._undertaker = Undertaker()
        self._lock = threading.Lock()
        #: The process group of each that runs.
        self._groups: dict[str, int] = {}
        #: What each was sent before it ran.
        self._early_signals: dict[str, signal.Signals] = {}
        self._stopped = False

    def run(
        self, name: str, words: Sequence[str], seen: Mapping[str, str], folder: Path, logs: Path
    ) -> int:
        """Run a program to its end, end what it left behind, and return its exit code as a shell does.

        Arguments:
            name: What `signal` calls it.
            words: The program and its arguments.
            seen: Its environment.
            folder: Where it starts.
            logs: Where its `stdout` and `stderr` go.
        """
        with (logs / "stdout").open("wb") as stdout, (logs / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                ["/bin/sh", "-c", GATE, "sh", *words],
                stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, env=seen, cwd=folder,
                start_new_session=True,
            )  # fmt: skip
        self._begin(name, process)
        return self._wait(name, process)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to all processes of one, as soon as it runs."""
        with self._lock:
            group = self._groups.get(name)
            if group is None:
                self._early_signals[name] = number
            else:
                kill_group(group, number)

    def stop(self) -> None:
        """Kill all, and whatever is still to come."""
        with self._lock:
            self._stopped = True
            for group in self._groups.values():
                kill_group(group)

    def close(self) -> None:
        """End the undertaker, once every `run` has returned: each tells it."""
        self._undertaker.stop()

    def _begin(self, name: str, process: subprocess.Popen[bytes]) -> None:
        # Its session's first process leads a group of the same number.
        self._undertaker.watch(process.pid)
        with self._lock:
            self._groups[name] = process.pid
            early = self._early_signals.pop(name, None)
            if self._stopped:
                early = signal.SIGKILL
            if early:
                kill_group(process.pid, early)
        assert process.stdin
        with suppress(BrokenPipeError), process.stdin as gate:
            gate.write(b"\n")

    def _wait(self, name: str, process: subprocess.Popen[bytes]) -> int:
        if hasattr(os, "waitid"):
            # It is not reaped yet: until then its number cannot become another's.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        else:
            process.wait()
        with self._lock:
            del self._groups[name]
            kill_group(process.pid)
        self._undertaker.forget(process.pid)
        code = process.wait()
        return code if code >= 0 else 128 - code
