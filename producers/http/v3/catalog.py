"""The catalog's part of /api/v3."""

from __future__ import annotations

from collections.abc import Iterable

from flask_smorest import Blueprint

from . import entries, parts, relations

KINDS = ("applications", "commands", "clusters")


def blueprints() -> Iterable[Blueprint]:
    """A blueprint for each kind of entry."""
    for kind in KINDS:
        blueprint = Blueprint(
            kind,
            __name__,
            url_prefix=f"/api/v3/{kind}",
            description=f"{kind.capitalize()} of the catalog, as Genie's clients know them",
        )
        entries.add(blueprint, kind)
        parts.add(blueprint, kind)
        relations.add(blueprint, kind)
        yield blueprint
