"""Tells a process that it is to stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

#: How late a signal may be noticed that woke another thread than the main one, in seconds.
NOTICE_SECONDS = 0.5


@contextmanager
def until_stopped() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stopping = threading.Event()

    def stop(number: int, _: object) -> None:
        log.info(f"Stopping on {signal.Signals(number).name}.", extra={"action": "stopping"})
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_until(stopping: threading.Event) -> None:
    """Wait for the event of `until_stopped`, in the main thread.

    Python runs the handler of a signal in the main thread alone, and does not wake it for that. The kernel
    gives the signal of a process that was frozen until a moment ago to any of its threads (`wants_signal` in
    Linux' kernel/signal.c): a main thread that waits without end would never learn of it.
    """
    while not stopping.wait(NOTICE_SECONDS):
        pass
