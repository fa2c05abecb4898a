"""Structured logs: one line an event, with the job, the cluster and the tag group on it."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

#: What is on every line that is written within a `log_context`.
_context: ContextVar[Mapping[str, str] | None] = ContextVar("tagfleet_log_context", default=None)

#: Libraries that say at INFO what nobody asked for.
_QUIET: Final = ("boto3", "botocore", "dramatiq", "pika", "pymongo", "s3transfer", "urllib3")

#: The attributes that every record has: all others are fields of ours.
_OWN: Final = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}

# Credentials in an address, and whatever calls itself a secret.
_IN_ADDRESS: Final = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/]*(?=@)", re.IGNORECASE
)
_NAMED: Final = re.compile(
    r"(?P<before>(?:password|secret|token|aws_secret_access_key|aws_session_token)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&]+",
    re.IGNORECASE,
)


def configure(style: str, level: str) -> None:
    """Send the logs of this process to stderr.

    Arguments:
        style: `console`, for people; `json`, for programs.
        level: The least important level that is written.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Put these fields on every line that this thread writes within the block."""
    token = _context.set({**(_context.get() or {}), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def without_secrets(text: str) -> str:
    """The text with passwords in addresses, and values of what is called a secret, taken out."""
    return _NAMED.sub(r"\g<before>***", _IN_ADDRESS.sub(r"\g<before>***", text))


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a line: those of its context, and those that it was given itself."""
    own = {name: value for name, value in record.__dict__.items() if name not in _OWN}
    return {**(_context.get() or {}), **own}


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **{name: _plain(value) for name, value in fields_of(record).items()},
        }
        if record.exc_info:
            line["traceback"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """Time, level, message, then the fields; a traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = " ".join(f"{name}={_plain(value)}" for name, value in fields_of(record).items())
        moment = _time(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        line = f"{moment} {record.levelname:<7} {without_secrets(record.getMessage())}"
        line = f"{line}  [{fields}]" if fields else line
        if record.exc_info:
            line += "\n" + without_secrets(self.formatException(record.exc_info))
        return line


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _plain(value: object) -> Any:
    return (
        value
        if isinstance(value, int | float | bool) or value is None
        else without_secrets(str(value))
    )
