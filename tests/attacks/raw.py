"""Requests byte by byte: a library would tidy them up before they are sent."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What came back, until the server closed the connection."""

    status: int
    #: Each line of the head after the first, in small letters.
    headers: tuple[str, ...]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """The value of a header, which must be there once."""
        [found] = [line for line in self.headers if line.startswith(f"{name.lower()}:")]
        return found.partition(":")[2].strip()


def connected(url: str) -> socket.socket:
    """A connection to the server."""
    parts = urlsplit(url)
    return socket.create_connection(
        (str(parts.hostname), int(parts.port or 80)), timeout=PATIENCE_SECONDS
    )


def ask(url: str, target: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
    """Send a request whose target and headers are as they are given."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    with connected(url) as client:
        client.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        return read(client)


def read(client: socket.socket) -> Answer:
    """The answer, up to its end."""
    found = b""
    while piece := client.recv(65536):
        found += piece
    head, _, body = found.partition(b"\r\n\r\n")
    first, *headers = head.decode("latin-1").split("\r\n")
    return Answer(int(first.split()[1]), tuple(line.lower() for line in headers), body)
