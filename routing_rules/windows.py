"""When a rule holds: named spans of time, weekly or once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY: Final = frozenset(range(7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """From one minute of the day up to another; over midnight when the end comes first."""

    #: Counted from midnight.
    start_minute: int
    #: The first one that is not inside; 1440 is the end of the day.
    end_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of time; all that is given must hold."""

    name: str
    timezone: tzinfo
    #: 0 is Monday.
    days: frozenset[int] = _EVERY_DAY
    hours: tuple[Hours, ...] = ()
    start: datetime | None = None
    #: The first moment that is not inside.
    end: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether the moment is inside."""
        if self.start is not None and moment < self.start:
            return False
        if self.end is not None and moment >= self.end:
            return False
        local = moment.astimezone(self.timezone)
        if not self.hours:
            return local.weekday() in self.days
        return any(self._inside(hours, local) for hours in self.hours)

    def _inside(self, hours: Hours, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        today = local.weekday() in self.days
        if hours.start_minute < hours.end_minute:
            return today and hours.start_minute <= minute < hours.end_minute
        # What began yesterday belongs to yesterday: Friday night ends on Saturday morning.
        yesterday = (local - timedelta(days=1)).weekday() in self.days
        return (today and minute >= hours.start_minute) or (yesterday and minute < hours.end_minute)


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Inside a window, or (`!name`) outside of it."""

    window: Window
    outside: bool = False

    def holds(self, moment: datetime) -> bool:
        """Whether it is so at this moment."""
        return self.window.holds(moment) != self.outside

    def __str__(self) -> str:
        return f"{'outside' if self.outside else 'inside'} the window {self.window.name}"
