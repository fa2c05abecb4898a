"""A stored rationale as a tree of lines that a user reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .rationale import Rationale

_INDENT = "  "


def render(rationale: Rationale | Mapping[str, Any]) -> str:
    """The rationale as text; takes the data of a job that was routed long ago, too."""
    data = rationale.as_data() if isinstance(rationale, Rationale) else rationale
    return "\n".join(_lines(data))


def criterion_text(criterion: Mapping[str, Any]) -> str:
    """What a criterion asks for, on one line."""
    parts = [
        f"{part}={criterion[part]}"
        for part in ("id", "name", "version", "status")
        if criterion.get(part) is not None
    ]
    return ", ".join([*parts, *criterion.get("tags", ())]) or "anything"


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    count = data["commandCount"]
    yield f"Command asked for: {criterion_text(data['commandCriterion'])}"
    yield f"Commands that match: {count or 'none'}"
    for command in data["commands"]:
        yield from _indented(_command_lines(command, data))
    yield from _more(count, data["commands"])
    yield from _near("Commands that nearly match:", data["nearCommands"])
    yield from _near("Clusters that nearly match:", data["nearClusters"])
    if data["selectors"]:
        yield "Selectors:"
        yield from _indented(_answer_line(answer) for answer in data["selectors"])
    if data["command"] and data["cluster"]:
        yield f"Chosen: command {data['command']} on cluster {data['cluster']}"


def _command_lines(command: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{command['id']}: {_standing(command, data)}"
    skipped = command["attemptCount"] - len(command["attempts"])
    if skipped:
        yield f"{_INDENT}({skipped} earlier attempts are left out)"
    yield from _indented(_attempt_line(attempt) for attempt in command["attempts"])


def _standing(command: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    if command["preference"] is None:
        return "no cluster to run on"
    # The list is ranked, so its first command has the best preference of all.
    best = data["commands"][0]["preference"]
    meets = f"meets criterion {command['preference'] + 1} of the request"
    if command["preference"] > best:
        return f"{meets}; another command meets criterion {best + 1}"
    if command["id"] == data["command"]:
        return f"{meets}, chosen"
    return f"{meets}; a selector picked another command" if data["command"] else meets


def _attempt_line(attempt: Mapping[str, Any]) -> str:
    criterion = f"criterion {attempt['preference'] + 1}"
    if attempt["merged"] is None:
        return f"{criterion}: cannot be merged: {' and '.join(attempt['contradictions'])}"
    asked = f"{criterion}: {criterion_text(attempt['merged'])}"
    if not attempt["clusterCount"]:
        return f"{asked}: no cluster"
    unlisted = attempt["clusterCount"] - len(attempt["clusters"])
    more = f" and {unlisted} more" if unlisted else ""
    return f"{asked}: {', '.join(attempt['clusters'])}{more}"


def _near(title: str, near: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if near:
        yield title
        yield from _indented(
            f"{miss['id']}: {'; '.join(miss['missing'])}"
            f" (asked for: {criterion_text(miss['criterion'])})"
            for miss in near
        )


def _answer_line(answer: Mapping[str, Any]) -> str:
    said = answer["problem"] or (
        f"picked {answer['picked']}" if answer["picked"] is not None else "no preference"
    )
    return f"{answer['of']}: {answer['selector']}: {said}"


def _more(count: int, listed: Sequence[object]) -> Iterator[str]:
    if count > len(listed):
        yield f"{_INDENT}and {count - len(listed)} more"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (_INDENT + line for line in lines)
