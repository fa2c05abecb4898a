"""Times, sizes and states as people read them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ....models.database import now

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

#: What colour a state is shown in, always beside its name.
_TONES: Final = {
    "RESERVED": "waiting",
    "RESOLVED": "waiting",
    "ACCEPTED": "waiting",
    "CLAIMED": "active",
    "INIT": "active",
    "RUNNING": "active",
    "SUCCEEDED": "good",
    "FAILED": "bad",
    "INVALID": "bad",
    "KILLED": "still",
    "UP": "good",
    "ACTIVE": "good",
    "OUT_OF_SERVICE": "waiting",
    "DEPRECATED": "waiting",
    "TERMINATED": "still",
    "INACTIVE": "still",
}


def moment(time: datetime | None) -> str:
    """A time to the second: `2026-11-23 16:30:12 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC") if time else ""


def ago(time: datetime | None) -> str:
    """How long ago a time is, roughly: `3 min ago`."""
    if time is None:
        return ""
    seconds = (now() - time).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    return f"{_rough(seconds)} ago" if seconds > 0 else f"in {_rough(-seconds)}"


def duration(seconds: float | None) -> str:
    """A span of time by its two largest units: `2 h 5 min`, `4.2 s`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    rest = round(seconds)
    parts: list[str] = []
    for unit, name in _UNITS:
        count, rest = divmod(rest, unit)
        if count or parts:
            parts.append(f"{count} {name}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)


def size(count: int) -> str:
    """A number of bytes: `512 B`, `1.4 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun: `1 job`, `1,204 jobs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def tone(state: object) -> str:
    """The colour of a state: waiting, active, good, bad or still."""
    return _TONES.get(str(state), "still")


def _rough(seconds: float) -> str:
    unit, name = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{int(seconds // unit)} {name}"
