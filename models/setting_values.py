"""How the text of a setting becomes a value; each reader raises ValueError where it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from .roles import Role

#: In a list of hosts: any whose address is public.
PUBLIC: Final = "public"

#: Of which kinds the sources of a job's files can be.
SCHEMES: Final = ("s3", "https", "http", "file")

_HOST: Final = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")


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


def hosts(text: str) -> tuple[str, ...]:
    """Names (`*.` in front: all below), addresses, networks and the word `public`, with commas between."""
    found = _listed(text.lower())
    for entry in found:
        if not _HOST.fullmatch(entry):
            ip_network(entry, strict=False)
        elif re.fullmatch(r"[\d.]+", entry):
            ip_network(entry, strict=False)  # an address that has been misspelt is no name
    return found


def folders(text: str) -> tuple[Path, ...]:
    """Absolute paths, with commas between; empty: none."""
    found = tuple(Path(each).expanduser() for each in _listed(text))
    if not all(each.is_absolute() for each in found):
        raise ValueError(text)
    return found


def names(text: str) -> tuple[str, ...]:
    """Words, with commas between; empty: none."""
    return _listed(text)


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks, with commas between; empty: none."""
    return tuple(ip_network(entry, strict=False) for entry in _listed(text))


def some_of(*known: str) -> Callable[[str], frozenset[str]]:
    """Some of these words, with commas between; empty, or `off`: none of them."""

    def read(text: str) -> frozenset[str]:
        found = frozenset(_listed(text.lower()))
        if found == {"off"}:
            return frozenset()
        if not found <= set(known):
            raise ValueError(text)
        return found

    return read


def header(text: str) -> str:
    """The name of an HTTP header."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", text):
        raise ValueError(text)
    return text


def roles(text: str) -> Mapping[str, Role]:
    """`group=role`, with commas between; the group `*` is whoever has a name."""
    found: dict[str, Role] = {}
    for entry in _listed(text):
        group, separator, role = entry.rpartition("=")
        if not (group and separator):
            raise ValueError(text)
        found[group.strip()] = Role.of(role)
    return found


def _listed(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def bind(text: str) -> tuple[str, int] | None:
    """A host and a port; empty: none."""
    if not text:
        return None
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})", text)
    if not match or int(match[2]) > 65535:
        raise ValueError(text)
    return match[1].strip("[]"), int(match[2])
