"""Counts what became of jobs on the two sides of a simulation, and what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..decide import Outcome
from .past_jobs import PastJob
from .replay import Landing
from .rulings import Place, Ruling

#: How many jobs are named as examples.
EXAMPLES: Final = 5
#: How many reasons are told apart.
_MOST_REASONS: Final = 1_000

#: What `--fail-on` knows, and what it means.
CONDITIONS: Final[Mapping[str, str]] = {
    "unroutable": "finds nothing, and found something before",
    "any-unroutable": "finds nothing, whatever it found before",
    "denied": "is denied, and was not before",
    "rejected": "is rejected by a limit, and was not before",
    "held": "is made to wait by a limit, and was not before",
    "moved": "goes elsewhere than before (cluster, tag group, pool or command)",
}


@dataclass(slots=True)
class Group:
    """Some jobs of which the same is true."""

    jobs: int = 0
    run_seconds: float = 0.0
    #: The ids of the first ones.
    examples: list[str] = field(default_factory=list)

    def add(self, job: _Known) -> None:
        """One more."""
        self.jobs += 1
        self.run_seconds += job.run_seconds
        if len(self.examples) < EXAMPLES:
            self.examples.append(job.id)


@dataclass(slots=True)
class Reason(Group):
    """Jobs that find nothing, for the same reason."""

    #: How many of them found something before.
    new: int = 0


@dataclass(slots=True)
class Held:
    """What limits did on one side."""

    jobs: int = 0
    seconds: float = 0.0
    longest_seconds: float = 0.0
    #: By the limit's name.
    held: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Known:
    """A job of which not all is known yet: on one of the sides, it waits."""

    id: str
    run_seconds: float
    landings: list[Landing | None] = field(default_factory=lambda: [None, None])


class Tally:
    """The counts; each job counts when it has landed on both sides."""

    def __init__(self) -> None:
        self.jobs = 0
        #: Left out: their requests were refused, or cannot be read.
        self.skipped = 0
        self.without_times = 0
        self.without_run_time = 0
        self.groups_by_producer = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.unchanged = 0
        #: One for each side.
        self.outcomes: tuple[Counter[Outcome], Counter[Outcome]] = (Counter(), Counter())
        self.held = (Held(), Held())
        self.conditions: Counter[str] = Counter()
        self.movements: dict[tuple[Place, Place], Group] = {}
        #: Why jobs find nothing afterwards: the outcome, the reason, and what was nearest.
        self.reasons: dict[tuple[Outcome, str, str | None], Reason] = {}
        self._pending: dict[int, _Known] = {}

    def add(self, number: int, job: PastJob, *, by_producer: bool) -> None:
        """A job comes.

        Arguments:
            by_producer: Its producer chose its tag group.
        """
        self.jobs += 1
        self.groups_by_producer += by_producer
        if job.run_seconds is None:
            self.without_run_time += 1
        if job.created is None:
            self.without_times += 1
        else:
            self.first = self.first or job.created
            self.last = job.created
        self._pending[number] = _Known(job.request.id, job.run_seconds or 0.0)

    def land(self, side: int, landing: Landing) -> None:
        """It is known what becomes of a job on a side (0 before, 1 after)."""
        known = self._pending[landing.number]
        known.landings[side] = landing
        before, after = known.landings
        if before is not None and after is not None:
            del self._pending[landing.number]
            self._count(known, before, after)

    def _count(self, job: _Known, before: Landing, after: Landing) -> None:
        for side, landing in enumerate((before, after)):
            self.outcomes[side][landing.ruling.place.outcome] += 1
            _count_limits(self.held[side], landing)
        old, new = before.ruling.place, after.ruling.place
        if old == new:
            self.unchanged += 1
        else:
            self.movements.setdefault((old, new), Group()).add(job)
        for condition in _conditions(old, new):
            self.conditions[condition] += 1
        self.conditions["held"] += after.held_by is not None and before.held_by is None
        if new.finds_nothing:
            reason = self._reason(after.ruling)
            reason.add(job)
            reason.new += not old.finds_nothing

    def _reason(self, ruling: Ruling) -> Reason:
        key = (ruling.place.outcome, ruling.reason, ruling.nearest)
        if key not in self.reasons and len(self.reasons) >= _MOST_REASONS:
            key = (ruling.place.outcome, "other reasons", None)
        return self.reasons.setdefault(key, Reason())


def _conditions(old: Place, new: Place) -> list[str]:
    found = []
    if new.finds_nothing:
        found.append("any-unroutable")
        if not old.finds_nothing:
            found.append("unroutable")
    if new.outcome is not old.outcome and new.outcome in (Outcome.DENIED, Outcome.REJECTED):
        found.append(str(new.outcome))
    if new != old and new.outcome is old.outcome is Outcome.ROUTED:
        found.append("moved")
    return found


def _count_limits(held: Held, landing: Landing) -> None:
    if landing.held_by is not None:
        held.jobs += 1
        held.seconds += landing.held_seconds
        held.longest_seconds = max(held.longest_seconds, landing.held_seconds)
        held.held[landing.held_by] += 1
    if landing.ruling.place.outcome is Outcome.REJECTED:
        held.rejected[landing.ruling.rule or ""] += 1
