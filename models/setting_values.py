"""How the text of a setting becomes a value; each reader raises ValueError where it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit


def address(*schemes: str) -> Callable[[str], str | None]:
    """A URL with one of these schemes and a host; empty: none."""

    def read(text: str) -> str | None:
        if not text:
            return None
        parts = urlsplit(text)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(text)
        _ = parts.port  # raises ValueError where it is no number
        return text

    return read


def store(text: str) -> str | None:
    """An S3 prefix, or a folder as an absolute path; empty: none."""
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme == "s3" and parts.netloc and not parts.query:
        return text.rstrip("/")
    if parts.scheme in ("", "file") and parts.path.strip("/"):
        return str(Path(parts.path).expanduser().absolute())
    raise ValueError(text)


def path(text: str) -> Path | None:
    """A path, made absolute; empty: none."""
    return Path(text).expanduser().absolute() if text else None


def number(lowest: float, highest: float) -> Callable[[str], float]:
    """A number within these bounds."""

    def read(text: str) -> float:
        value = float(text)
        if not lowest <= value <= highest:
            raise ValueError(text)
        return value

    return read


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """A whole number within these bounds."""

    def read(text: str) -> int:
        value = int(text)
        if not lowest <= value <= highest:
            raise ValueError(text)
        return value

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """One of these words."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return read


def queues(text: str) -> tuple[str, ...]:
    """The URLs of SQS queues, with commas between; empty: none."""
    urls = tuple(url.strip() for url in text.split(",") if url.strip())
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
            raise ValueError(text)
        _ = parts.port  # raises ValueError where it is no number
    return urls


def bind(text: str) -> tuple[str, int] | None:
    """A host and a port; empty: none."""
    if not text:
        return None
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})", text)
    if not match or int(match[2]) > 65535:
        raise ValueError(text)
    return match[1].strip("[]"), int(match[2])
