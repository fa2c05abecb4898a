"""What a job may name as the source of a file."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from ...models.errors import StagingFailed

_EXPECTED: Final = "expected s3://bucket/key, https://host/path, file:///path or an absolute path"


def check_source(uri: str) -> None:
    """Refuse a source that the fleet does not read.

    By its text alone: whether this site allows it is for `allowed.SourceRules` to say.

    Raises:
        StagingFailed: It is refused, and why.
    """
    if any(char < " " or char == "\x7f" for char in uri):
        raise StagingFailed(ascii(shown(uri)), "it holds a control character")
    scheme = scheme_of(uri)
    if scheme in ("s3", "file") and not uri.startswith(f"{scheme}://"):
        raise StagingFailed(shown(uri), f"expected {scheme}:// in small letters")
    if scheme == "s3":
        if not uri.removeprefix("s3://").partition("/")[0]:
            raise StagingFailed(uri, "it names no bucket")
    elif scheme in ("http", "https"):
        _check_web_address(uri)
    elif scheme == "file":
        if urlsplit(uri).netloc not in ("", "localhost"):
            raise StagingFailed(uri, "a file of another host; expected file:///path")
        if "?" in uri or "#" in uri:
            raise StagingFailed(uri, "write ? as %3F and # as %23 in the address of a file")
    elif not uri.startswith("/"):
        raise StagingFailed(shown(uri), _EXPECTED)


def check_redirect(uri: str, target: str) -> None:
    """Refuse a redirect that a source must not make.

    Raises:
        StagingFailed: It is refused, and why.
    """
    check_source(target)
    if scheme_of(target) not in ("http", "https"):
        raise StagingFailed(
            shown(uri), f"it redirects to {shown(target)}, which is no https address"
        )
    # A server out there must not make this one ask itself.
    if is_loopback(target) and not is_loopback(uri):
        raise StagingFailed(shown(uri), f"it redirects to this machine ({shown(target)})")


def scheme_of(uri: str) -> str:
    """The scheme in front of `://`, in small letters; empty for a path."""
    head, separator, _ = uri.partition("://")
    return head.lower() if separator and head.isalnum() else ""


def is_web(uri: str) -> bool:
    """Whether the source is fetched by HTTP."""
    return scheme_of(uri) in ("http", "https")


def is_loopback(uri: str) -> bool:
    """Whether the address is one of this machine's own."""
    host = urlsplit(uri).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown(uri: str) -> str:
    """The address without what may be a secret: its user, its password and its query."""
    if not is_web(uri):
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:
        return f"{scheme_of(uri)}://***"
    host = parts.netloc.rpartition("@")[2]
    netloc = f"***@{host}" if "@" in parts.netloc else host
    # Signed addresses carry their signature there.
    query = "***" if parts.query else ""
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _check_web_address(uri: str) -> None:
    try:
        host, _ = urlsplit(uri).hostname, urlsplit(uri).port
    except ValueError as error:
        raise StagingFailed(shown(uri), f"it is no address: {error}") from error
    if not host:
        raise StagingFailed(shown(uri), "it names no host")
    if scheme_of(uri) == "http" and not is_loopback(uri):
        raise StagingFailed(
            shown(uri), "http is for this machine's own addresses only; expected https"
        )
