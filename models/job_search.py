"""Finds jobs by anything that a user may know of them, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .job import Job
from .resources import ID_TAG, NAME_TAG
from .states import JobStatus

#: What a list of jobs can be sorted by, and the field of the document. The status is not among them: where
#: several are asked for, the embedded database gives them in the order in which they were asked for.
SORTABLE: Final[Mapping[str, str]] = {
    "id": "_id",
    "name": "name",
    "user": "user",
    "version": "version",
    "created": "created",
    "updated": "updated",
    "started": "started",
    "finished": "finished",
    "clusterName": "cluster_name",
    "clusterId": "cluster_id",
    "commandName": "command_name",
    "commandId": "command_id",
}

#: What a list has no use for.
_LARGE: Final = ("history", "rationale_json", "request_json", "staged_files", "step", "diagnosis")


def search(
    conditions: Mapping[str, Any],
    *,
    statuses: Sequence[JobStatus] = (),
    tags: Sequence[Any] = (),
    order: Sequence[tuple[str, bool]] = (),
    skip: int = 0,
    limit: int = 50,
) -> tuple[list[Job], int]:
    """The jobs that fit all that is given, and how many there are in all; without their large parts.

    Arguments:
        conditions: For each field of the document a value, or a condition that its caller has made: never
            what a user has sent.
        statuses: One of them.
        tags: All of them; a text, or a condition.
        order: Fields of SORTABLE, each with whether it descends; the newest job comes first at equals.
    """
    query: dict[str, Any] = dict(conditions)
    if statuses:
        query["status"] = {"$in": [str(status) for status in statuses]}
    if parts := [_of_tag(tag) for tag in tags]:
        query["$and"] = parts
    collection = Job._get_collection()
    sort = [(SORTABLE[field], -1 if descends else 1) for field, descends in order]
    if not any(field == "created" for field, _ in sort):
        sort.append(("created", -1))
    found = collection.find(query, dict.fromkeys(_LARGE, 0)).sort(sort).skip(skip).limit(limit)
    jobs = [Job._from_son(row) for row in found]
    return jobs, collection.count_documents(query)


def _of_tag(tag: Any) -> dict[str, Any]:
    # The tags that every job bears when it is read back are not stored with it.
    if isinstance(tag, str) and tag.startswith(ID_TAG):
        return {"_id": tag.removeprefix(ID_TAG)}
    if isinstance(tag, str) and tag.startswith(NAME_TAG):
        return {"name": tag.removeprefix(NAME_TAG)}
    return {"tags": tag}
