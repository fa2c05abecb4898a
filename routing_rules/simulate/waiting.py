"""What waits for a slot on a cluster: those first that a limit does not keep from running."""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field

from .past_jobs import PastJob
from .places import Gate, Places
from .rulings import Place, Ruling


@dataclass(slots=True, eq=False)
class Entry:
    """A job on its way through one side of a simulation."""

    number: int
    job: PastJob
    chosen_group: str | None
    #: In seconds since 1970.
    arrived: float
    ruling: Ruling
    #: Those through which it is let in, and those before it runs.
    gates: tuple[Gate, ...] = ()
    running_gates: tuple[Gate, ...] = ()
    #: The first limit that made it wait; since when, and for how long, in seconds.
    held_by: str | None = None
    held_since: float | None = None
    held_seconds: float = 0.0
    started: bool = False

    @property
    def place(self) -> Place:
        """Where it goes."""
        return self.ruling.place

    @property
    def run_seconds(self) -> float:
        """How long it runs; one of which that is not known ends at once."""
        return self.job.run_seconds or 0.0

    def hold(self, limit: str, now: float) -> None:
        """A limit makes it wait from now on, if none does already."""
        if self.held_since is None:
            self.held_by = self.held_by or limit
            self.held_since = now

    def let_go(self, now: float) -> None:
        """No limit makes it wait any more."""
        if self.held_since is not None:
            self.held_seconds += now - self.held_since
            self.held_since = None


@dataclass(slots=True)
class Line:
    """What waits for a cluster: the highest priority first, then who came first.

    Jobs with the same gates stand behind each other, so that one look at the first tells of all.
    """

    #: How many jobs the cluster runs at once; None: any number.
    slots: int | None
    running: int = 0
    _waiting: dict[tuple[Gate, ...], list[tuple[int, int, Entry]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @property
    def has_slot(self) -> bool:
        """Whether the cluster could run one more."""
        return self.slots is None or self.running < self.slots

    @property
    def waits(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def add(self, entry: Entry) -> None:
        """One more waits."""
        item = (-entry.job.request.priority, entry.number, entry)
        heapq.heappush(self._waiting[entry.running_gates], item)

    def next(self, places: Places) -> Entry | None:
        """Takes out the one that runs next; those that a limit keeps from it are held from now on."""
        best: tuple[Gate, ...] | None = None
        for gates, heap in self._waiting.items():
            closed = places.first_full(gates)
            if closed is not None:
                heap[0][2].hold(closed.limit, places.now)
            elif best is None or heap[0][:2] < self._waiting[best][0][:2]:
                best = gates
        if best is None:
            return None
        _, _, entry = heapq.heappop(self._waiting[best])
        if not self._waiting[best]:
            del self._waiting[best]
        return entry

    def clear(self) -> list[Entry]:
        """Takes out all that wait."""
        found = [entry for heap in self._waiting.values() for _, _, entry in heap]
        self._waiting.clear()
        return found
