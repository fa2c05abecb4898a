"""All of /api/v3."""

from __future__ import annotations

from collections.abc import Iterable

from flask_smorest import Blueprint

from . import catalog, jobs, output


def blueprints() -> Iterable[Blueprint]:
    """The parts of /api/v3, each under its own prefix."""
    yield from catalog.blueprints()
    yield jobs.blueprint
    yield output.blueprint
