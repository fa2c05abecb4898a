"""What a simulation came to, for a terminal of a hundred columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_LISTED: Final = 15
_WIDTH: Final = 100
_PARTS: Final = {"tagGroup": "tag group", "pool": "pool", "command": "command"}

Data = Mapping[str, Any]


def report_text(data: Data) -> str:
    """The report's data as text."""
    return "\n".join(line.rstrip()[:_WIDTH] for line in _lines(data))


def span(data: Data) -> str:
    """Of how many jobs the report tells, and of which time."""
    first, last = (_minute(data[key]) for key in ("from", "to"))
    when = f", sent from {first} to {last} UTC" if first else ""
    return f"{data['jobs']:,} job{'s' if data['jobs'] != 1 else ''}{when}"


def movement(each: Data) -> str:
    """Where some jobs went, and where they would go; what differs, and of which tag group they are."""
    before, after = each["before"], each["after"]
    if before["outcome"] != after["outcome"]:
        return f"{_where(before)} -> {_where(after)}"
    parts = [
        f"{words} {before[key] or 'none'} -> {after[key] or 'none'}"
        for key, words in _PARTS.items()
        if before[key] != after[key]
    ]
    if before["cluster"] != after["cluster"]:
        if before["tagGroup"] == after["tagGroup"]:
            # Jobs of several groups make the same way, each group a row.
            parts.append(f"tag group {after['tagGroup']}")
        return "; ".join([f"{before['cluster']} -> {after['cluster']}", *parts])
    return "; ".join([*([f"on {after['cluster']}"] if after["cluster"] else []), *parts])


def notes(data: Data) -> list[str]:
    """What a reader must know to judge the numbers."""
    found = [] if data["jobs"] else ["No jobs: nothing was simulated"]
    if data["skipped"]:
        found.append(
            f"Left out: {data['skipped']:,} jobs whose requests were refused, or cannot be read"
        )
    if data["withoutTimes"]:
        found.append(
            f"Without a time: {data['withoutTimes']:,} jobs; for them, no limit and no load was replayed"
        )
    if unknown := data["withoutRunTime"] - data["withoutTimes"]:
        found.append(f"Without a known run time: {unknown:,} jobs; they count as ended at once")
    if data["groupsByProducer"]:
        found.append(
            f"In the tag group that their producer chose: {data['groupsByProducer']:,} jobs; they stay there"
        )
    return found


def verdict(data: Data) -> str | None:
    """What --fail-on says; None when nothing was asked."""
    if not data["failOn"]:
        return None
    if not data["failed"]:
        return f"Passed: no job is {' or '.join(data['failOn'])}."
    counts = (f"{data['conditions'][name]:,} {name}" for name in data["failed"])
    return f"Failed (--fail-on): {', '.join(counts)}."


def _lines(data: Data) -> Iterator[str]:
    yield f"Simulated {span(data)}"
    for when in ("before", "after"):
        side = data[when]
        digest = f" ({side['digest'][:12]})" if side["digest"] else ""
        yield f"  {when:<7} rules: {side['rules']}{digest}"
        yield f"  {'':<7} catalog: {side['catalog']}"
        yield from (f"  {'':<9} - {change}" for change in side["changes"])
    yield from (f"  {note}" for note in notes(data))
    yield ""
    yield from _outcomes(data)
    yield from _movements(data["movements"], data)
    yield from _unroutable(data["unroutable"])
    for key, title in (("clusters", "CLUSTER"), ("tagGroups", "TAG GROUP"), ("users", "USER")):
        yield from _loads(title, data[key])
    if (said := verdict(data)) is not None:
        yield ""
        yield said


def _outcomes(data: Data) -> Iterator[str]:
    yield f"{'OUTCOME':<28}{'BEFORE':>12}{'AFTER':>12}"
    for each in data["outcomes"]:
        if each["before"] or each["after"] or each["outcome"] == "routed":
            yield f"{each['outcome']:<28}{each['before']:>12,}{each['after']:>12,}"
    limits = data["limits"]
    if limits["rules"]:
        yield f"{'made to wait by a limit':<28}" + "".join(
            f"{limits[when]['held']:>12,}" for when in ("before", "after")
        )
        yield f"{'  for, on average':<28}" + "".join(
            f"{duration(limits[when]['meanHeldSeconds']):>12}" for when in ("before", "after")
        )
    for each in limits["rules"]:
        for what in ("held", "rejected"):
            if each["before"][what] or each["after"][what]:
                name = _cut(f"  {what} by {each['rule']}", 27)
                yield f"{name:<28}{each['before'][what]:>12,}{each['after'][what]:>12,}"


def _movements(movements: Sequence[Data], data: Data) -> Iterator[str]:
    yield ""
    if not movements:
        yield "Nothing moves."
        return
    changed = data["jobs"] - data["unchanged"]
    yield f"Go elsewhere: {changed:,} of {data['jobs']:,} jobs."
    yield f"{'JOBS':>9}{'HOURS':>10}  FROM -> TO"
    for each in movements[:_LISTED]:
        yield f"{each['jobs']:>9,}{each['runHours']:>10,.1f}  {_cut(movement(each), 77)}"
        yield f"{'':>21}{_cut('such as ' + ', '.join(each['examples'][:3]), 77)}"
    yield from _left_out(movements)


def _unroutable(reasons: Sequence[Data]) -> Iterator[str]:
    if not reasons:
        return
    total, new = (sum(each[key] for each in reasons) for key in ("jobs", "new"))
    yield ""
    yield f"Would find nothing: {total:,} jobs; {new:,} of them found something before."
    yield f"{'JOBS':>9}{'NEW':>10}  REASON"
    for each in reasons[:_LISTED]:
        yield f"{each['jobs']:>9,}{each['new']:>10,}  {_cut(each['reason'], 77)}"
        if each["nearest"]:
            yield f"{'':>21}{_cut('nearest: ' + each['nearest'], 77)}"
        yield f"{'':>21}{_cut('such as ' + ', '.join(each['examples'][:3]), 77)}"
    yield from _left_out(reasons)


def _loads(title: str, loads: Sequence[Data]) -> Iterator[str]:
    if not loads:
        return
    yield ""
    heads = (("JOBS", 19), ("RUN HOURS", 19), ("PEAK RUNNING", 17), ("MEAN WAIT", 19))
    yield f"{title:<26}" + "".join(f"{head:>{width}}" for head, width in heads)
    for each in loads[:_LISTED]:
        before, after = each["before"], each["after"]
        yield (
            f"{_cut(each['name'], 25):<26}"
            f"{_pair(_count(before['jobs']), _count(after['jobs'])):>19}"
            f"{_pair(_hours(before['runHours']), _hours(after['runHours'])):>19}"
            f"{_pair(before['peakRunning'], after['peakRunning']):>17}"
            f"{_pair(duration(before['meanWaitSeconds']), duration(after['meanWaitSeconds'])):>19}"
        )
    yield from _left_out(loads)


def duration(seconds: float) -> str:
    """A time as people say it: 42s, 12m, 3.5h."""
    if seconds < 60:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 3600 else f"{seconds / 3600:,.1f}h"


def _pair(before: object, after: object) -> str:
    return str(after) if before == after else f"{before} -> {after}"


def _where(place: Data) -> str:
    if place["outcome"] != "routed":
        return str(place["outcome"])
    return f"{place['cluster']} ({place['command']})"


def _left_out(rows: Sequence[Data]) -> Iterator[str]:
    if len(rows) > _LISTED:
        yield f"  and {len(rows) - _LISTED:,} more: --output json lists all"


def _minute(time: str | None) -> str:
    return time[:16].replace("T", " ") if time else ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _count(number: int) -> str:
    return f"{number:,}"


def _hours(number: float) -> str:
    return f"{number:,.1f}"
