"""Two criteria made one: what a command asks of its clusters, and what the request asks."""

from __future__ import annotations

from ..models.resources import Criterion

_PARTS = ("id", "name", "version", "status")


def merge(first: Criterion, second: Criterion) -> Criterion | None:
    """The criterion that asks for all that both ask for; None when they contradict each other.

    Tags are united; each of id, name, version and status must be equal or given by one only.
    """
    for part in _PARTS:
        one, other = getattr(first, part), getattr(second, part)
        if one is not None and other is not None and one != other:
            return None
    return Criterion(
        id=first.id if first.id is not None else second.id,
        name=first.name if first.name is not None else second.name,
        version=first.version if first.version is not None else second.version,
        status=first.status if first.status is not None else second.status,
        tags=first.tags | second.tags,
    )


def contradictions(first: Criterion, second: Criterion) -> list[str]:
    """Why two criteria do not merge, in words; empty when they do."""
    return [
        f"{part} is both {one} and {other}"
        for part in _PARTS
        if (one := getattr(first, part)) is not None
        and (other := getattr(second, part)) is not None
        and one != other
    ]
