"""Bar charts as inline SVG: two bars a name, told apart by colour and by outline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_LABELS, _WIDTH, _VALUES = 190, 760, 90
_BAR, _GAP, _ROW = 13, 2, 40
_LONGEST_LABEL: Final = 26


@dataclass(frozen=True, slots=True)
class Bars:
    """A name, and its two numbers."""

    name: str
    before: float
    after: float


def chart(title: str, rows: Sequence[Bars], shown: Callable[[float], str]) -> str:
    """A chart with its title and legend; each bar says its number.

    Arguments:
        shown: How a number is written.
    """
    most = max([0.0, *(number for row in rows for number in (row.before, row.after))])
    scale = (_WIDTH - _LABELS - _VALUES) / most if most else 0.0
    parts = [_row(at, row, scale, shown) for at, row in enumerate(rows)]
    height = len(rows) * _ROW + 6
    told = "; ".join(
        f"{row.name}: {shown(row.before)} before, {shown(row.after)} after" for row in rows
    )
    return (
        f"<figure><figcaption>{escape(title)} "
        '<span class="key before" aria-hidden="true"></span>before '
        '<span class="key after" aria-hidden="true"></span>after</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}. '
        f'{escape(told)}">{"".join(parts)}</svg></figure>'
    )


def _row(at: int, row: Bars, scale: float, shown: Callable[[float], str]) -> str:
    top = at * _ROW + 6
    name = row.name if len(row.name) <= _LONGEST_LABEL else row.name[: _LONGEST_LABEL - 1] + "…"
    label = (
        f'<text class="label" x="{_LABELS - 10}" y="{top + _BAR + 5}" text-anchor="end">'
        f"{escape(name)}<title>{escape(row.name)}</title></text>"
    )
    bars = (("before", row.before, top), ("after", row.after, top + _BAR + _GAP))
    return label + "".join(_bar(*bar, scale, shown) for bar in bars)


def _bar(kind: str, number: float, top: int, scale: float, shown: Callable[[float], str]) -> str:
    width = round(number * scale, 1)
    return (
        f'<rect class="{kind}" x="{_LABELS}" y="{top}" width="{width}" height="{_BAR}"></rect>'
        f'<text class="value" x="{_LABELS + width + 6}" y="{top + _BAR - 2}">'
        f"{escape(shown(number))}</text>"
    )
