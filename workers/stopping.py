"""Tells a process that it is to stop."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


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
