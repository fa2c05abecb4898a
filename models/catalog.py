"""The catalog in MongoDB: Application, Command and Cluster documents, and what changes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any, ClassVar, Literal

import mongoengine as me
from pymongo import ReplaceOne

from . import audit
from .database import database, now
from .errors import NotFound
from .resources import AnyResource, Application, Cluster, Command, Criterion, Engine
from .snapshot import CatalogSnapshot
from .states import ClusterStatus, CommandStatus

Change = Literal["created", "changed", "unchanged"]

#: The document whose number rises with every change, so that a reader sees cheaply that it must read again.
_VERSION = {"_id": "catalog"}


class CriterionDocument(me.EmbeddedDocument):
    """A criterion inside a command."""

    id = me.StringField()
    name = me.StringField()
    version = me.StringField()
    status = me.StringField()
    tags = me.ListField(me.StringField())


class EngineDocument(me.EmbeddedDocument):
    """How a cluster is reached."""

    type = me.StringField(required=True)
    cluster_id = me.StringField(required=True)
    region = me.StringField()
    role_arn = me.StringField()
    execution_role_arn = me.StringField()
    step_concurrency = me.IntField(required=True)
    log_uri = me.StringField()


class CatalogDocument(me.Document):
    """What all catalog entries have in common."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True, "auto_create_index": False}

    id = me.StringField(primary_key=True)
    name = me.StringField(required=True)
    user = me.StringField(required=True)
    version = me.StringField(required=True)
    description = me.StringField()
    #: JSON text: its keys are the users' own, and MongoDB would read a `$` or a `.` in them.
    metadata = me.StringField()
    tags = me.ListField(me.StringField())
    configs = me.ListField(me.StringField())
    dependencies = me.ListField(me.StringField())
    setup_file = me.StringField()
    created = me.DateTimeField(required=True)
    updated = me.DateTimeField(required=True)


class ApplicationDocument(CatalogDocument):
    """An Application in MongoDB."""

    meta: ClassVar[dict[str, Any]] = {"collection": "applications"}

    type = me.StringField()
    status = me.EnumField(CommandStatus, required=True)


class CommandDocument(CatalogDocument):
    """A Command in MongoDB."""

    meta: ClassVar[dict[str, Any]] = {"collection": "commands"}

    status = me.EnumField(CommandStatus, required=True)
    executable = me.ListField(me.StringField())
    cluster_criteria = me.EmbeddedDocumentListField(CriterionDocument)
    applications = me.ListField(me.StringField())
    memory = me.IntField()


class ClusterDocument(CatalogDocument):
    """A Cluster in MongoDB."""

    meta: ClassVar[dict[str, Any]] = {"collection": "clusters"}

    status = me.EnumField(ClusterStatus, required=True)
    engine = me.EmbeddedDocumentField(EngineDocument)


#: The document of each kind of value, by the kind's name on the command line.
DOCUMENTS: dict[str, tuple[type[AnyResource], type[CatalogDocument]]] = {
    "applications": (Application, ApplicationDocument),
    "commands": (Command, CommandDocument),
    "clusters": (Cluster, ClusterDocument),
}


def load_snapshot() -> CatalogSnapshot:
    """Read the whole catalog."""
    found: dict[str, list[Any]] = {kind: list_resources(kind) for kind in DOCUMENTS}
    return CatalogSnapshot(
        applications=found["applications"], commands=found["commands"], clusters=found["clusters"]
    )


def list_resources(kind: str) -> list[AnyResource]:
    """All entries of a kind (`applications`, `commands`, `clusters`), by id."""
    _, document = DOCUMENTS[kind]
    return sorted(
        (_to_value(found) for found in document.objects), key=lambda resource: resource.id
    )


def get_resource(kind: str, resource_id: str) -> AnyResource:
    """One entry.

    Raises:
        NotFound: No entry of this kind has this id.
    """
    _, document = DOCUMENTS[kind]
    found = document.objects(id=resource_id).first()
    if found is None:
        raise NotFound(kind, resource_id)
    return _to_value(found)


def catalog_version() -> int:
    """The number of the catalog's last change."""
    found = database()["versions"].find_one(_VERSION)
    return int(found["number"]) if found else 0


def apply(resources: Sequence[AnyResource]) -> list[tuple[Change, AnyResource]]:
    """Create or replace entries; what is the same already is left alone.

    The entries are checked values: nothing here refuses one. Returns what happened to each.
    """
    outcome: list[tuple[Change, AnyResource]] = []
    moment = now()
    for kind, (value_type, document) in DOCUMENTS.items():
        wanted = [resource for resource in resources if isinstance(resource, value_type)]
        if not wanted:
            continue
        present = {found.id: found for found in list_resources(kind)}
        writes, changes = [], []
        for resource in wanted:
            before = present.get(resource.id)
            change = _change(before, resource)
            outcome.append((change, resource))
            if change != "unchanged":
                created = before.created if before else moment
                row = {**to_row(resource), "created": created, "updated": moment}
                writes.append(ReplaceOne({"_id": resource.id}, row, upsert=True))
                changes.append((resource.id, to_row(before) if before else None, to_row(resource)))
        if writes:
            document._get_collection().bulk_write(writes)
            note_change()
        for resource_id, old, new in changes:
            audit.record(f"{kind}.apply", resource_id, before=old, after=new)
    return outcome


def set_cluster_status(cluster_id: str, status: ClusterStatus) -> bool:
    """Let a cluster take jobs, or no more of them.

    Returns:
        Whether that was news.

    Raises:
        NotFound: There is no such cluster.
    """
    found = ClusterDocument._get_collection().update_one(
        {"_id": cluster_id, "status": {"$ne": str(status)}},
        {"$set": {"status": str(status), "updated": now()}},
    )
    if not found.matched_count:
        get_resource("clusters", cluster_id)
        return False
    note_change()
    audit.record("clusters.status", cluster_id, after={"status": str(status)})
    return True


def end_clusters(emr_cluster_id: str) -> list[str]:
    """Note that a cluster is gone for good: no job is routed there any more.

    Returns:
        The ids of the entries that were for it, and are TERMINATED from now on.
    """
    collection = ClusterDocument._get_collection()
    ended = str(ClusterStatus.TERMINATED)
    found = {"engine.cluster_id": emr_cluster_id, "status": {"$ne": ended}}
    ids = [str(row["_id"]) for row in collection.find(found, {"_id": 1})]
    for cluster_id in ids:
        collection.update_one(
            {"_id": cluster_id, "engine.cluster_id": emr_cluster_id},
            {"$set": {"status": ended, "updated": now()}},
        )
    if ids:
        note_change()
    return ids


def note_change() -> None:
    """Let everybody who keeps the catalog in memory read it again; called after each change of an entry."""
    database()["versions"].update_one(_VERSION, {"$inc": {"number": 1}}, upsert=True)


def _change(before: AnyResource | None, after: AnyResource) -> Change:
    if before is None:
        return "created"
    return "unchanged" if to_row(before) == to_row(after) else "changed"


def to_row(value: AnyResource | Criterion | Engine) -> dict[str, Any]:
    """A value as MongoDB keeps it: absent and empty parts left out, sets sorted, times left to the caller."""
    row = {}
    for item in fields(value):
        found = getattr(value, item.name)
        if item.name not in ("created", "updated") and found not in (None, (), frozenset(), {}):
            row["_id" if item.name == "id" and not isinstance(value, Criterion) else item.name] = (
                _plain(item.name, found)
            )
    return row


def _plain(name: str, found: Any) -> Any:
    match found:
        case _ if name == "metadata":
            return json.dumps(found, sort_keys=True)
        case StrEnum():
            return found.value
        case frozenset():
            return sorted(found)
        case tuple():
            return [to_row(part) if isinstance(part, Criterion) else part for part in found]
        case Engine():
            return to_row(found)
    return found


def _to_value(document: CatalogDocument) -> AnyResource:
    value_type = next(value for value, kind in DOCUMENTS.values() if isinstance(document, kind))
    parts = {item.name: getattr(document, item.name) for item in fields(value_type)}
    parts["tags"] = frozenset(parts["tags"])
    parts["metadata"] = json.loads(document.metadata) if document.metadata else None
    for name, found in parts.items():
        if name == "cluster_criteria":
            parts[name] = tuple(_criterion(part) for part in found)
        elif isinstance(found, list):
            parts[name] = tuple(found)
        elif isinstance(found, EngineDocument):
            parts[name] = Engine(
                **{item.name: getattr(found, item.name) for item in fields(Engine)}
            )
    return value_type(**parts)


def _criterion(document: CriterionDocument) -> Criterion:
    return Criterion(
        id=document.id,
        name=document.name,
        version=document.version,
        status=document.status,
        tags=frozenset(document.tags),
    )
