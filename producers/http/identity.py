"""Who asks: the one place that every request passes before anything else is done for it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, g, request


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks."""

    #: None: nobody has said who they are.
    user: str | None = None

    def __str__(self) -> str:
        return self.user or "anonymous"


ANONYMOUS = Identity()


def install(app: Flask) -> None:
    """Identify whoever asks, before each request is looked at."""
    app.before_request(_identify)


def current_identity() -> Identity:
    """Who asks, within a request."""
    found: Identity = g.get("identity", ANONYMOUS)
    return found


def _identify() -> None:
    g.identity = ANONYMOUS
    # For the access log, which is written by the server when all is done.
    request.environ["tagfleet.user"] = str(g.identity)
