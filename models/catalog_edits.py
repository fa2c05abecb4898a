"""How one entry of the catalog is made, changed and deleted: never over what somebody else has just written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from . import audit
from .catalog import DOCUMENTS, get_resource, note_change, to_row
from .database import now
from .errors import CatalogConflict, NotFound
from .resources import AnyResource

#: How often a change is tried again that somebody else's came before.
_TRIES = 10


def create(kind: str, resource: AnyResource) -> None:
    """Make an entry.

    Raises:
        CatalogConflict: There is one with this id.
    """
    moment = now()
    row = {**to_row(resource), "created": moment, "updated": moment}
    try:
        _collection(kind).insert_one(row)
    except DuplicateKeyError as error:
        raise CatalogConflict(
            f"There is a {kind.removesuffix('s')} with the id {resource.id!r} already."
        ) from error
    note_change()
    audit.record(f"{kind}.create", resource.id, after=to_row(resource))


def change(
    kind: str, resource_id: str, edit: Callable[[AnyResource], AnyResource]
) -> tuple[AnyResource, AnyResource]:
    """Change an entry; gives it as it was and as it is.

    Arguments:
        edit: Makes the new entry of the present one; called again where somebody was faster.

    Raises:
        NotFound: There is no such entry.
        CatalogConflict: Others change it all the time.
    """
    for _ in range(_TRIES):
        before = get_resource(kind, resource_id)
        after = edit(before)
        row = to_row(after)
        if row == to_row(before):
            return before, before
        # Later than before, even within one millisecond: it is what the next change is compared with.
        assert before.updated
        updated = max(now(), before.updated + timedelta(milliseconds=1))
        done = _collection(kind).replace_one(
            {"_id": resource_id, "updated": before.updated},
            {**row, "_id": resource_id, "created": before.created, "updated": updated},
        )
        if done.modified_count:
            note_change()
            audit.record(f"{kind}.change", resource_id, before=to_row(before), after=row)
            return before, after
    raise CatalogConflict(
        f"The {kind.removesuffix('s')} {resource_id!r} is being changed by others; try again."
    )


def delete(kind: str, resource_ids: Iterable[str] | None = None) -> list[str]:
    """Delete entries; gives the ids of those that are gone.

    Arguments:
        resource_ids: None: all of the kind.

    Raises:
        NotFound: One was asked for, and there is none of its id.
    """
    if resource_ids is None:
        resource_ids = [str(row["_id"]) for row in _collection(kind).find({}, {"_id": 1})]
    else:
        resource_ids = list(resource_ids)
    gone = [each for each in resource_ids if _is_deleted(kind, each)]
    if len(resource_ids) == 1 and not gone:
        raise NotFound(kind, resource_ids[0])
    if gone:
        note_change()
    return gone


def _is_deleted(kind: str, resource_id: str) -> bool:
    collection = _collection(kind)
    before = collection.find_one({"_id": resource_id})
    if not collection.delete_one({"_id": resource_id}).deleted_count:
        return False
    audit.record(f"{kind}.delete", resource_id, before=before)
    return True


def _collection(kind: str) -> Any:
    return DOCUMENTS[kind][1]._get_collection()
