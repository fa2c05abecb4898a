"""All of /api/v1."""

from __future__ import annotations

from collections.abc import Iterable

from flask_smorest import Blueprint

from . import audit, dead_letters, events, explain, fleet, jobs, logs, states


def blueprints() -> Iterable[Blueprint]:
    """The parts of /api/v1, each under its own prefix."""
    yield explain.blueprint
    yield jobs.blueprint
    yield states.blueprint
    yield fleet.blueprint
    yield dead_letters.blueprint
    yield audit.blueprint
    yield events.blueprint
    yield logs.blueprint
