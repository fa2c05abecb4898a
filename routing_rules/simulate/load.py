"""How many jobs somebody or something has, for how long, and how many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Load:
    """The load of a cluster, a tag group or a user on one side of a simulation."""

    jobs: int = 0
    run_seconds: float = 0.0
    #: Now, and at most.
    running: int = 0
    peak_running: int = 0
    waiting: int = 0
    peak_waiting: int = 0
    wait_seconds: float = 0.0
    longest_wait_seconds: float = 0.0

    def arrive(self) -> None:
        """A job is let in, and waits."""
        self.jobs += 1
        self.waiting += 1

    def leave(self) -> None:
        """One that waited never runs."""
        self.jobs -= 1
        self.waiting -= 1

    def look(self) -> None:
        """All that could start has started."""
        self.peak_waiting = max(self.peak_waiting, self.waiting)

    def start(self, waited: float) -> None:
        """One that waited so long, in seconds, runs."""
        self.waiting -= 1
        self.running += 1
        self.peak_running = max(self.peak_running, self.running)
        self.wait_seconds += waited
        self.longest_wait_seconds = max(self.longest_wait_seconds, waited)

    def end(self, ran: float) -> None:
        """One has ended that ran so long, in seconds."""
        self.running -= 1
        self.run_seconds += ran

    def as_data(self) -> dict[str, Any]:
        """The load as JSON data."""
        return {
            "jobs": self.jobs,
            "runHours": round(self.run_seconds / 3600, 3),
            "peakRunning": self.peak_running,
            "peakWaiting": self.peak_waiting,
            "meanWaitSeconds": round(self.wait_seconds / self.jobs, 1) if self.jobs else 0.0,
            "longestWaitSeconds": round(self.longest_wait_seconds, 1),
        }
