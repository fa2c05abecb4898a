"""Bodies that are packed: none is unpacked here, so that none can be larger than it looks."""

from __future__ import annotations

from flask import Flask, request

from .problems import Problem


def install(app: Flask) -> None:
    """Refuse packed bodies before anything reads them."""
    app.before_request(_refuse_packed)


def _refuse_packed() -> None:
    found = request.headers.get("Content-Encoding", "identity").strip().lower()
    if found not in ("", "identity"):
        raise Problem(
            415,
            f"Expected a body as it is, found Content-Encoding {found!r}; send it without.",
            headers={"Accept-Encoding": "identity"},
        )
