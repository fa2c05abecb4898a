"""The places that limits have, at the replay's time: who holds how many, and when there is room again."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ..limits import PERIODS, OnExceed
from ..matching import Facts
from ..rules import Limit, RuleSet


class Kind(StrEnum):
    """For how long a job holds a place."""

    OPEN = "open"  #: From when it is let in until it ends: a limit on running jobs that rejects.
    QUEUED = "queued"  #: From when it is let in until it starts.
    RECENT = "recent"  #: For a rate's period.
    RUNNING = "running"  #: While it runs: a limit on running jobs that holds.


class Gate(NamedTuple):
    """Where a limit lets jobs pass that it counts together."""

    limit: str
    kind: Kind
    #: The name of the user, the tenant or the tag group.
    subject: str
    most: int
    rejects: bool = False
    #: Of a rate: its period, in seconds.
    seconds: float = 0.0


class Gates:
    """The gates that the limits of some rules make."""

    def __init__(self, rules: RuleSet) -> None:
        self._limits = rules.limits
        self._made: dict[tuple[str, str], tuple[Gate, ...]] = {}

    def of(
        self, facts: Facts, tag_group: str, moment: datetime
    ) -> tuple[tuple[Gate, ...], tuple[Gate, ...]]:
        """Those through which such a job is let in, what rejects first; and those before it runs."""
        found: list[Gate] = []
        for limit in self._limits:
            if limit.applies(facts, moment):
                found += self._gates(limit, limit.ceiling.subject(facts, tag_group))
        arrival = [gate for gate in found if gate.kind is not Kind.RUNNING]
        arrival.sort(key=lambda gate: not gate.rejects)
        return tuple(arrival), tuple(gate for gate in found if gate.kind is Kind.RUNNING)

    def _gates(self, limit: Limit, subject: str) -> tuple[Gate, ...]:
        key = (limit.name, subject)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = tuple(_gates(limit, subject))
        return found


def _gates(limit: Limit, subject: str) -> Iterator[Gate]:
    ceiling, rejects = limit.ceiling, limit.on_exceed is OnExceed.REJECT
    if ceiling.running is not None:
        # What is to be refused cannot wait until it would start.
        kind = Kind.OPEN if rejects else Kind.RUNNING
        yield Gate(limit.name, kind, subject, ceiling.running, rejects)
    if ceiling.queued is not None:
        yield Gate(limit.name, Kind.QUEUED, subject, ceiling.queued, rejects)
    if ceiling.rate is not None:
        seconds = PERIODS[ceiling.rate.period]
        yield Gate(limit.name, Kind.RECENT, subject, ceiling.rate.count, rejects, seconds)


class Places:
    """How many places of each gate are taken."""

    def __init__(self) -> None:
        #: In seconds since 1970.
        self.now = 0.0
        self._taken: dict[Gate, int] = defaultdict(int)
        self._recent: dict[Gate, deque[float]] = defaultdict(deque)

    def full(self, gate: Gate) -> bool:
        """Whether none is left."""
        taken = len(self._during(gate)) if gate.kind is Kind.RECENT else self._taken[gate]
        return taken >= gate.most

    def first_full(self, gates: Iterable[Gate]) -> Gate | None:
        """The first of them that has none left."""
        return next((gate for gate in gates if self.full(gate)), None)

    def take(self, gate: Gate) -> None:
        """A job takes one."""
        if gate.kind is Kind.RECENT:
            self._recent[gate].append(self.now)
        else:
            self._taken[gate] += 1

    def release(self, gate: Gate) -> None:
        """A job gives one back; those of a rate come back by themselves."""
        if gate.kind is not Kind.RECENT:
            self._taken[gate] -= 1

    def room_at(self, gate: Gate) -> float | None:
        """When a place comes back by itself; None: it does not, or there is one."""
        if gate.kind is not Kind.RECENT or not gate.most or not self.full(gate):
            return None
        times = self._recent[gate]
        return times[len(times) - gate.most] + gate.seconds

    def _during(self, gate: Gate) -> deque[float]:
        """When the places were taken that have not come back."""
        times = self._recent[gate]
        while times and times[0] + gate.seconds <= self.now:
            times.popleft()
        return times
