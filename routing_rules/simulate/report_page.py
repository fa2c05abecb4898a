"""What a simulation came to, as one HTML file that needs no network: charts for people, tables for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template
from typing import Any, Final

from .charts import Bars, chart
from .report_text import duration, movement, notes, span, verdict

_TEMPLATE: Final = "report.html"
_CHARTED: Final = 12
_LISTED: Final = 200
_DIMENSIONS: Final = {"clusters": "Clusters", "tagGroups": "Tag groups", "users": "Users"}

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Measure:
    """A number that loads have."""

    key: str
    title: str
    shown: Callable[[float], str]


_MEASURES: Final = (
    _Measure("jobs", "Jobs", lambda number: f"{number:,.0f}"),
    _Measure("runHours", "Run hours", lambda number: f"{number:,.1f}"),
    _Measure("peakRunning", "Most running at once", lambda number: f"{number:,.0f}"),
    _Measure("peakWaiting", "Most waiting at once", lambda number: f"{number:,.0f}"),
    _Measure("meanWaitSeconds", "Mean wait", duration),
)
_CHARTS: Final = ("jobs", "runHours", "peakRunning")


def report_page(data: Data) -> str:
    """The report's data as a page."""
    page = Template((resources.files(__package__) / _TEMPLATE).read_text(encoding="utf-8"))
    said = verdict(data)
    state = "failed" if data["failed"] else "passed"
    return page.substitute(
        span=escape(span(data)),
        verdict=f'<p class="verdict {state}" role="status">{escape(said)}</p>' if said else "",
        sides="".join(_side(when, data[when]) for when in ("before", "after")),
        notes=_list(notes(data)),
        summary=_summary(data),
        outcomes=_outcomes(data),
        movements=_movements(data["movements"]),
        unroutable=_unroutable(data["unroutable"]),
        loads="".join(_loads(title, data[key]) for key, title in _DIMENSIONS.items()),
    )


def _side(when: str, side: Data) -> str:
    digest = f" <code>{escape(side['digest'][:12])}</code>" if side["digest"] else ""
    return (
        f"<div><dt>{when.capitalize()}</dt><dd>Rules: {escape(side['rules'])}{digest}<br>"
        f"Catalog: {escape(side['catalog'])}{_list(side['changes'])}</dd></div>"
    )


def _summary(data: Data) -> str:
    conditions = data["conditions"]
    figures = (
        ("moved", "go elsewhere", conditions["moved"]),
        ("unroutable", "would find nothing, and found something before", conditions["unroutable"]),
        ("held", "would be made to wait by a limit, and were not before", conditions["held"]),
        ("unchanged", "stay as they are", data["unchanged"]),
    )
    return "".join(
        f'<li class="{"bad" if name == "unroutable" and count else "figure"}">'
        f"<strong>{count:,}</strong> {words}</li>"
        for name, words, count in figures
    )


def _outcomes(data: Data) -> str:
    rows: list[tuple[str, ...]] = [
        (each["outcome"], f"{each['before']:,}", f"{each['after']:,}")
        for each in data["outcomes"]
        if each["before"] or each["after"]
    ]
    limits = data["limits"]
    if limits["rules"]:
        sides = (limits["before"], limits["after"])
        rows.append(("made to wait by a limit", *(f"{side['held']:,}" for side in sides)))
        rows.append(("for, on average", *(duration(side["meanHeldSeconds"]) for side in sides)))
    for each in limits["rules"]:
        for what in ("held", "rejected"):
            counts = (each["before"][what], each["after"][what])
            if any(counts):
                name = f"{what} by the limit {each['rule']}"
                rows.append((name, *(f"{count:,}" for count in counts)))
    return _table(("Outcome", "Before", "After"), rows, numbers=(1, 2))


def _movements(movements: Sequence[Data]) -> str:
    if not movements:
        return "<p>Nothing moves.</p>"
    rows = [
        (
            f"{each['jobs']:,}",
            f"{each['runHours']:,.1f}",
            movement(each),
            ", ".join(each["examples"]),
        )
        for each in movements[:_LISTED]
    ]
    heads = ("Jobs", "Run hours", "From → to", "Such as")
    return _table(heads, rows, numbers=(0, 1)) + _left_out(movements)


def _unroutable(reasons: Sequence[Data]) -> str:
    if not reasons:
        return "<p>Every job finds something.</p>"
    rows = [
        (
            f"{each['jobs']:,}",
            f"{each['new']:,}",
            each["reason"],
            each["nearest"] or "",
            ", ".join(each["examples"]),
        )
        for each in reasons[:_LISTED]
    ]
    heads = ("Jobs", "New", "Reason", "Nearest", "Such as")
    return _table(heads, rows, numbers=(0, 1)) + _left_out(reasons)


def _loads(title: str, loads: Sequence[Data]) -> str:
    if not loads:
        return ""
    charts = "".join(
        chart(
            f"{title}: {measure.title.lower()}",
            [
                Bars(each["name"], each["before"][measure.key], each["after"][measure.key])
                for each in loads[:_CHARTED]
            ],
            measure.shown,
        )
        for measure in _MEASURES
        if measure.key in _CHARTS
    )
    rows = [
        (
            each["name"],
            *(
                measure.shown(each[when][measure.key])
                for measure in _MEASURES
                for when in ("before", "after")
            ),
        )
        for each in loads[:_LISTED]
    ]
    heads = [title.removesuffix("s")]
    heads += [f"{measure.title}, {when}" for measure in _MEASURES for when in ("before", "after")]
    table = _table(heads, rows, numbers=range(1, len(heads)))
    return (
        f"<section><h2>{title}</h2>{charts}<details><summary>The same as a table</summary>"
        f"{table}{_left_out(loads)}</details></section>"
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int]) -> str:
    right = frozenset(numbers)

    def cell(tag: str, at: int, text: str) -> str:
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{scope}{' class=number' if at in right else ''}>{escape(text)}</{tag}>"

    head = "".join(cell("th", at, text) for at, text in enumerate(heads))
    body = "".join(
        f"<tr>{''.join(cell('td', at, text) for at, text in enumerate(row))}</tr>" for row in rows
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="table"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _left_out(rows: Sequence[Data]) -> str:
    more = len(rows) - _LISTED
    return f"<p>And {more:,} more: <code>--output json</code> lists all.</p>" if more > 0 else ""


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""
