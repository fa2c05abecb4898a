"""A small process that outlives a killed server, and ends the steps it left behind.

It runs as a program of its own, by its path. Its standard input is a pipe from the server, which
writes "+N" when the process group N begins and "-N" when it is over. The pipe ends with the server,
however that dies; then every group that is left is killed. Unlike a parent-death signal this
reaches all processes of a step, not only its first, and works on every POSIX system.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress


class Undertaker:
    """The server's side: starts the process, and tells it which groups to end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            # Isolated and without site-packages: it starts fast and stays small.
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            text=True,
            # Its own session: an interrupt from the terminal is not for it.
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """From now on this process group ends with the server."""
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """The group is over; call this before its id can belong to others."""
        self._tell(f"-{group}")

    def stop(self) -> None:
        """End the process, and with it every group that is still watched."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        with self._lock:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()


def kill_group(group: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to all processes of a group, if there are any."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def left_at_the_end(lines: Iterable[str]) -> set[int]:
    """The groups that began and were not over when the lines ended."""
    groups: set[int] = set()
    for line in lines:
        begun, group = line[0] == "+", int(line[1:])
        groups.add(group) if begun else groups.discard(group)
    return groups


if __name__ == "__main__":
    for each in left_at_the_end(sys.stdin):
        kill_group(each)
