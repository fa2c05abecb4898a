"""Structured logs: one line an event, with the job, the cluster and the tag group on it."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from .secrets import without_secrets

#: What is on every line that is written within a `log_context`.
_context: ContextVar[Mapping[str, str]] = ContextVar(
    "tagfleet_log_context", default=MappingProxyType({})
)

#: Libraries that say at INFO what nobody asked for.
_QUIET: Final = ("boto3", "botocore", "dramatiq", "pika", "pymongo", "s3transfer", "urllib3")

#: The attributes that every record has: all others are fields of ours.
_OWN: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}

# A line feed would let a job's name begin a line of its own, and an escape would reach the terminal.
_CONTROLS: Final = {
    number: repr(chr(number))[1:-1]
    for number in (*range(32), 127, *range(128, 160), 0x2028, 0x2029)
}


def configure(style: str, level: str) -> None:
    """Send the logs of this process to stderr.

    Arguments:
        style: `console`, for people; `json`, for programs.
        level: The least important level that is written; of libraries, never less than WARNING.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Put these fields on every line that this thread writes within the block."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; never raises, since an error here would end the work that only wanted to tell of itself."""
        line = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        line |= {name: value for name, value in _fields(record).items() if name not in line}
        if trace := _trace(self, record):
            line["traceback"] = trace
        return json.dumps(line)


class ConsoleFormatter(logging.Formatter):
    """Time, level, message, then the fields; a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; never raises, as that of JsonFormatter."""
        moment = _time(record).astimezone().strftime("%H:%M:%S")
        line = f"{moment} {record.levelname:<7} {_message(record)}"
        if fields := " ".join(f"{name}={value}" for name, value in _fields(record).items()):
            line += f"  [{fields}]"
        line = line.translate(_CONTROLS)
        trace = _trace(self, record)
        return f"{line}\n{trace}" if trace else line


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _message(record: logging.LogRecord) -> str:
    try:
        return without_secrets(record.getMessage())
    except Exception:  # a placeholder without its argument must not cost the line
        return without_secrets(f"{_text(record.msg)} {_text(record.args)}")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a line: those of its context, and those that it was given itself."""
    own = {name: value for name, value in record.__dict__.items() if name not in _OWN}
    return {name: _plain(value) for name, value in {**_context.get(), **own}.items()}


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = []
    try:
        if record.exc_info:
            parts.append(formatter.formatException(record.exc_info))
        if record.stack_info:
            parts.append(record.stack_info)
    except Exception as error:  # an exception whose text cannot be made
        parts.append(f"no traceback: {type(error).__name__}")
    return without_secrets("\n".join(parts))


def _plain(value: object) -> Any:
    if (
        value is None
        or isinstance(value, bool | int)
        or (isinstance(value, float) and math.isfinite(value))
    ):
        return value
    return without_secrets(_text(value))


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # some other class's mistake
        return f"<{type(value).__name__} without a text: {type(error).__name__}>"
