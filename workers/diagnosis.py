"""The probable cause of a failure, read from what the job wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: Of stderr, as many of the last lines are kept with the job.
TAIL_LINES = 20

#: Of a line, as many characters are kept.
LINE_CHARACTERS = 500

#: What PySpark and the JVM write below everything else, whatever went wrong.
_NOISE = re.compile(
    r"(?:ShutdownHookManager|SparkContext: Successfully|INFO |WARN |^\s*at |^\s*\.\.\. \d+ more|Deleting directory|^\s*$)"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What went wrong, and where it was read."""

    cause: str
    source: str

    def __str__(self) -> str:
        return f"{self.cause} ({self.source})"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a user is told of a failure."""

    cause: str
    stderr_tail: str


def explain(failure: str | None, logs: Mapping[str, str]) -> Explanation:
    """Say why a job failed.

    Arguments:
        failure: What the cluster says of it.
        logs: The ends of the job's logs, by name: `stderr`, `stdout`, `controller`.
    """
    stderr = logs.get("stderr", "")
    finding = next(
        filter(None, (look(name, text) for look in _LOOKS for name, text in _ordered(logs))), None
    )
    cause = (
        str(finding) if finding else failure or _last_line(stderr) or "The logs say nothing of it."
    )
    return Explanation(
        cause, "\n".join(_shortened(line) for line in stderr.splitlines()[-TAIL_LINES:])
    )


def _ordered(logs: Mapping[str, str]) -> list[tuple[str, str]]:
    # A job's own words before EMR's; in cluster deploy mode they may be in stdout.
    return [(name, logs[name]) for name in ("stderr", "stdout", "controller") if name in logs]


def _python_traceback(name: str, text: str) -> Finding | None:
    begin = text.rfind("Traceback (most recent call last):")
    if begin < 0:
        return None
    where, line = "", ""
    for line in text[begin:].splitlines()[1:]:
        if match := re.match(r'\s+File "(.+?)", line (\d+)', line):
            file, number = match.groups()
            # The user's own line says more than the library's that it called.
            if (
                "site-packages" not in file
                and "/pyspark" not in file
                and "py4j" not in file
                or not where
            ):
                where = f"{file.rpartition('/')[2]}, line {number}"
        elif line and not line[0].isspace():
            return Finding(_shortened(line), f"{name}: {where}" if where else name)
    return None


def _java_exception(name: str, text: str) -> Finding | None:
    found = re.findall(
        r"^(?:Caused by: |Exception in thread \S+ )((?:[\w$]+\.)+[\w$]+.*)$", text, re.MULTILINE
    )
    return Finding(_shortened(found[-1]), name) if found else None


def _known_words(name: str, text: str) -> Finding | None:
    words = (
        r"^.*(?:command not found|No such file or directory|Permission denied|AccessDenied|Access Denied|"
        r"OutOfMemoryError|No space left on device|Cannot allocate memory).*$"
    )
    found = re.findall(words, text, re.MULTILINE)
    return Finding(_shortened(found[-1]), name) if found and name != "controller" else None


def _setup_failure(name: str, text: str) -> Finding | None:
    found = re.findall(r"^tagfleet: .*$", text, re.MULTILINE)
    return Finding(_shortened(found[-1]), name) if found and name == "stderr" else None


#: Asked in this order; the first that finds something is believed.
_LOOKS: tuple[Callable[[str, str], Finding | None], ...] = (
    _python_traceback,
    _java_exception,
    _setup_failure,
    _known_words,
)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if not _NOISE.search(line)]
    return _shortened(lines[-1]) if lines else ""


def _shortened(line: str) -> str:
    return line if len(line) <= LINE_CHARACTERS else line[: LINE_CHARACTERS - 1] + "…"


def exit_code_of(controller: str) -> int | None:
    """The step's exit code, as its controller log tells it: EMR's API does not."""
    found = re.findall(r"(?:exitCode|exit code) (-?\d+)", controller)
    return int(found[-1]) if found else None
