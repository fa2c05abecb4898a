"""How much may be there at once: limits, and the counts that they are held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .matching import Facts


class Scope(StrEnum):
    """What a limit counts together."""

    USER = "user"  #: The jobs of one user.
    TENANT = "tenant"  #: The jobs of one `group`; those without one count together.
    QUEUE = "queue"  #: The jobs of one tag group.
    GLOBAL = "global"  #: All jobs.


class OnExceed(StrEnum):
    """What happens to a request that a limit stops."""

    HOLD = "hold"  #: It waits until there is room.
    REJECT = "reject"  #: It is refused.


#: The periods that a rate may name, in seconds.
PERIODS: Final[Mapping[str, int]] = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many requests in a period."""

    count: int
    #: A key of PERIODS.
    period: str

    def __str__(self) -> str:
        return f"{self.count}/{self.period}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How much somebody has; the request in question is not in it."""

    #: Jobs that are on a cluster.
    running: int = 0
    #: Jobs that were let in and wait; held ones are not among them.
    queued: int = 0
    #: Requests that were let in during the last second, minute, hour, day, by the period's name.
    recent: Mapping[str, int] = field(default_factory=dict)


_NOTHING: Final = Count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How full the fleet is. What is not listed counts as nothing."""

    #: By scope and name: `(Scope.USER, "ana")`; the name of GLOBAL is empty.
    counts: Mapping[tuple[Scope, str], Count] = field(default_factory=dict)
    #: By cluster id: the jobs that run or wait there.
    load: Mapping[str, int] = field(default_factory=dict)
    #: The pools whose canary was stopped.
    stopped: frozenset[str] = frozenset()

    def of(self, scope: Scope, name: str) -> Count:
        """What they have."""
        return self.counts.get((scope, name), _NOTHING)


IDLE: Final = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """How much each user, tenant, tag group, or everybody together may have."""

    per: Scope
    running: int | None = None
    queued: int | None = None
    rate: Rate | None = None

    def exceeded(self, facts: Facts, tag_group: str, usage: Usage) -> str | None:
        """What leaves no room for one more, in words; None when there is room."""
        name = self.subject(facts, tag_group)
        return next(self._reached(usage.of(self.per, name), self.whose(name)), None)

    def subject(self, facts: Facts, tag_group: str) -> str:
        """Whose jobs count together with the request: the name of its user, tag group or tenant."""
        names = {Scope.USER: facts.user, Scope.TENANT: facts.tenant, Scope.QUEUE: tag_group}
        return names.get(self.per, "")

    def whose(self, subject: str) -> str:
        """The subject, in words."""
        if self.per is Scope.GLOBAL:
            return "the fleet"
        return f"{self.per} {subject!r}" if subject else f"whoever has no {self.per}"

    def _reached(self, count: Count, whose: str) -> Iterator[str]:
        if self.running is not None and count.running >= self.running:
            yield f"{whose} has {count.running} running jobs of {self.running}"
        if self.queued is not None and count.queued >= self.queued:
            yield f"{whose} has {count.queued} queued jobs of {self.queued}"
        if self.rate is not None:
            recent = count.recent.get(self.rate.period, 0)
            if recent >= self.rate.count:
                yield f"{whose} sent {recent} requests of {self.rate}"
