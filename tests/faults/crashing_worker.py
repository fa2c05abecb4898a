"""A worker process that dies, or is stopped, at a named point: `python -m tests.faults.crashing_worker`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable

from tagfleet.__main__ import main as run_tagfleet

from .crash_points import POINTS, arm
from .quicker import shorten

ACTIONS = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP}


def said_at(point: str, call: str | int, action: str) -> str:
    """What a worker says in its log when it comes to a point."""
    return f"FAULTS: {action} {point}, call {call}\n"


def main() -> int:
    """Run one worker process as `tagfleet worker` starts it; returns its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--at", nargs=3, action="append", default=[], metavar=("POINT", "CALL", "ACTION")
    )
    arguments = parser.parse_args()
    shorten()
    for point, call, action in arguments.at:
        arm(POINTS[point], int(call), _ending(point, call, action))
    sys.argv = ["tagfleet", "worker", "--one-process", "--threads", "4"]
    return run_tagfleet()


def _ending(point: str, call: str, action: str) -> Callable[[], None]:
    said, number = said_at(point, call, action).encode(), ACTIONS[action]

    def end() -> None:
        os.write(2, said)
        os.kill(os.getpid(), number)

    return end


if __name__ == "__main__":
    sys.exit(main())
