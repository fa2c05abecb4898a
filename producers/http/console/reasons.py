"""A decision's text as a tree that a page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ....routing_rules.decision_text import render_decision

#: How a line begins that says whether a rule applies.
_MARKS: Final = {"+ ": "yes", "- ": "no", "* ": ""}


@dataclass(slots=True)
class Reason:
    """A line of a decision, and the lines that explain it."""

    text: str
    #: `yes` or `no` where a rule says whether it applies; else nothing.
    mark: str = ""
    parts: list[Reason] = field(default_factory=list)


def reasons_of(decision: Mapping[str, Any]) -> list[Reason]:
    """What the data of a decision says beyond its outcome: rules, pools, commands and clusters."""
    found = tree_of(render_decision(decision))
    return [each for each in found if each.parts]


def tree_of(text: str) -> list[Reason]:
    """Indented lines as a tree: a line that is further in belongs to the one above it."""
    root = Reason("")
    above = [(-1, root)]
    for line in text.splitlines():
        inner = line.lstrip(" ")
        depth = len(line) - len(inner)
        while depth <= above[-1][0]:
            above.pop()
        mark = _MARKS.get(inner[:2])
        reason = Reason(inner if mark is None else inner[2:], mark or "")
        above[-1][1].parts.append(reason)
        above.append((depth, reason))
    return root.parts
