"""What tells browsers to do no more with an answer than it is for."""

from __future__ import annotations

from typing import Final

from flask import Flask
from werkzeug.wrappers import Response

#: For answers that are no pages: nothing in them runs, not even in what a job has written.
_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox"

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": _POLICY,
}


def install(app: Flask) -> None:
    """Add them to each answer that does not say otherwise."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
