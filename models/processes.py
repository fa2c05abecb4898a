"""Child processes that end with the process that started them, and free ports for them."""

from __future__ import annotations

import ctypes
import fcntl
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import BadSetting, ServiceUnavailable

#: prctl(2): the signal that the kernel sends to a process when the thread that forked it ends.
_PR_SET_PDEATHSIG = 1

#: How long a child has to end by itself after SIGTERM, in seconds.
STOP_SECONDS = 10.0


def dies_with_parent() -> Callable[[], None] | None:
    """What a child calls between fork and exec; None where the system cannot do it (macOS)."""
    if not sys.platform.startswith("linux"):
        return None
    # Loaded before the fork: between fork and exec, only calls that take no lock are safe.
    libc = ctypes.CDLL(None)
    kill = int(signal.SIGKILL)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, kill)

    return prepare


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_taken(host: str, port: int) -> bool:
    """Whether somebody listens at the address, or it is none of this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: what was closed a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child: SIGTERM, and SIGKILL when that takes too long."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def make_folder(folder: Path) -> None:
    """Make a folder of the embedded mode, if it is not there.

    Raises:
        BadSetting: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        expected = f"a folder that can be made and written ({error.strerror})"
        raise BadSetting("TAGFLEET_DATA", str(folder), expected) from error


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold a folder for this process alone.

    Raises:
        ServiceUnavailable: Another process holds it.
    """
    make_folder(folder)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ServiceUnavailable(
                "The data folder",
                str(folder),
                "another tagfleet uses it",
                "Stop that one, or set TAGFLEET_DATA to another folder.",
            ) from error
        yield
