"""The catalog: what can be run, and where."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from flask import request, url_for

from ....models import catalog as entries
from ....models.resources import AnyResource, Application, Cluster, Command
from ....models.schemas import dump_resource
from ..paging import LAST_PAGE, Wanted
from ..problems import Problem
from ..security.roles import Role, needs
from .base import blueprint, page

KINDS: Final = ("commands", "clusters", "applications")

#: How many entries a page lists.
_SIZE: Final = 50

#: These have a place of their own on an entry's page.
_SHOWN_APART: Final = ("id", "name", "status", "tags", "created", "updated", "clusterCriteria")

#: What a page calls a field where its own name does not read as a word.
_LABELS: Final = {"executableAndArguments": "Runs", "setupFile": "Set-up file"}


@dataclass(frozen=True, slots=True)
class Related:
    """An entry that another one leads to; None: the catalog has none of this id."""

    kind: str
    id: str
    entry: AnyResource | None


@blueprint.get("/catalog", endpoint="catalog")
@blueprint.get("/catalog/<string:kind>", endpoint="catalog")
@needs(Role.READER)
def catalog(kind: str = "commands") -> str:
    """The entries of a kind that a text is in."""
    _check(kind)
    text = request.args.get("q", "").strip()
    present = entries.list_resources(kind)
    found = [each for each in present if _has(each, text)]
    listed = Wanted(_number(), _SIZE).cut(found)
    return page(
        "catalog.html",
        "catalog",
        kind=kind,
        kinds=KINDS,
        text=text,
        found=listed,
        all=len(present),
        address=lambda number: url_for(
            "console.catalog", kind=kind, q=text or None, page=number or None
        ),
    )


@blueprint.get("/catalog/<string:kind>/<string:entry_id>", endpoint="catalog_entry")
@needs(Role.READER)
def catalog_entry(kind: str, entry_id: str) -> str:
    """All there is to know of an entry."""
    _check(kind)
    found = entries.get_resource(kind, entry_id)
    return page(
        "catalog_entry.html",
        "catalog",
        kind=kind,
        entry=found,
        fields=[
            (name, _as_text(value))
            for name, value in dump_resource(found).items()
            if name not in _SHOWN_APART and value not in (None, [], {})
        ],
        labels=_LABELS,
        criteria=[str(each) for each in getattr(found, "cluster_criteria", ())],
        related=_related(found),
    )


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise Problem(404, f"The catalog has {', '.join(KINDS)}; it has no {kind!r}.")


def _number() -> int:
    text = request.args.get("page", "0")
    if not (text.isascii() and text.isdecimal() and int(text) <= LAST_PAGE):
        raise Problem(400, "There is no such page.", errors=[("page", "expected a number from 0")])
    return int(text)


def _has(entry: AnyResource, text: str) -> bool:
    """Whether each word is somewhere in what an entry is known by."""
    known = " ".join(
        (entry.id, entry.name, entry.user, entry.version, str(entry.status), *entry.tags)
    ).lower()
    return all(word in known for word in text.lower().split())


def _as_text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _related(entry: AnyResource) -> list[tuple[str, list[Related]]]:
    """What an entry needs, or what needs it, by a heading."""
    snapshot = entries.load_snapshot()
    match entry:
        case Command():
            fitting = {
                each.id: each
                for criterion in entry.cluster_criteria
                for each in snapshot.clusters_matching(criterion)
            }
            return [
                ("Clusters that it may run on now", _of("clusters", fitting.values())),
                (
                    "Applications that it needs",
                    [
                        Related("applications", each, snapshot.application(each))
                        for each in entry.applications
                    ],
                ),
            ]
        case Cluster():
            commands = [
                each
                for each in snapshot.commands
                if any(
                    entry in snapshot.clusters_matching(criterion)
                    for criterion in each.cluster_criteria
                )
            ]
            return [("Commands that may run on it now", _of("commands", commands))]
        case Application():
            commands = [each for each in snapshot.commands if entry.id in each.applications]
            return [("Commands that need it", _of("commands", commands))]


def _of(kind: str, found: Any) -> list[Related]:
    return [Related(kind, each.id, each) for each in found]
