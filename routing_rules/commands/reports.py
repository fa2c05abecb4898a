"""Problems as people, GitHub and programs read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

_PLACED = re.compile(
    r"(?P<file>.+?)(?::(?P<line>\d+)(?::(?P<column>\d+))?)?: (?P<message>.*)", re.DOTALL
)


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"  #: It cannot be used so.
    WARNING = "warning"  #: It is hardly meant so.


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, and where; line and column are counted from 1."""

    severity: Severity
    file: str
    #: None in a JSON file: its message begins with the path.
    line: int | None
    column: int | None
    message: str

    @classmethod
    def of(cls, severity: Severity, text: str) -> Problem:
        """The problem that a sentence with its place in front tells of."""
        found = _PLACED.fullmatch(text)
        if found is None:
            return cls(severity=severity, file="", line=None, column=None, message=text)
        line, column = (int(found[key]) if found[key] else None for key in ("line", "column"))
        return cls(
            severity=severity,
            file=found["file"],
            line=line,
            column=column,
            message=found["message"],
        )

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(filter(None, (place, self.severity, self.message)))


def as_text(problems: Sequence[Problem]) -> str:
    """One problem a line, as compilers print them."""
    return "\n".join(map(str, problems))


def as_json(problems: Sequence[Problem]) -> str:
    """An array of problems."""
    return json.dumps([asdict(problem) for problem in problems], indent=2, ensure_ascii=False)


def as_github(problems: Sequence[Problem]) -> str:
    """Workflow commands, which GitHub shows beside the lines of a pull request."""
    return "\n".join(map(_workflow_command, problems))


FORMATS: Final[Mapping[str, Callable[[Sequence[Problem]], str]]] = {
    "text": as_text,
    "github": as_github,
    "json": as_json,
}


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sorted as one reads the files."""
    return sorted(problems, key=lambda each: (each.file, each.line or 0, each.column or 0))


def _workflow_command(problem: Problem) -> str:
    given = {"file": problem.file, "line": problem.line, "col": problem.column}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in given.items() if value)
    return f"::{problem.severity} {properties}::{_data(problem.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
