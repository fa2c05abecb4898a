"""Which entries of the catalog a list shows, and in which order."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

import marshmallow as ma

from ....models.resources import AnyResource
from ....models.states import ClusterStatus, CommandStatus
from ..paging import PageSchema, Wanted
from ..patterns import is_like
from ..problems import Problem

#: What a list of the catalog can be sorted by.
SORTABLE: Final = ("id", "name", "user", "version", "status", "created", "updated")


class Status(ma.fields.Enum[StrEnum]):
    """A status in capital or small letters."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return super()._deserialize(str(value).upper(), attr, data, **kwargs)


class Given(ma.fields.List[Any]):
    """A parameter that may be given more than once; an empty one asks for nothing."""

    def __init__(self, inner: ma.fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(inner, load_default=list, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        values = value if isinstance(value, list | tuple) else [value]
        return super()._deserialize([each for each in values if each != ""], attr, data, **kwargs)


def a_text(description: str, **kwargs: Any) -> ma.fields.String:
    """A parameter that is a text, which may be a pattern."""
    return ma.fields.String(
        validate=ma.validate.Length(max=1024), metadata={"description": description}, **kwargs
    )


def statuses(kind: type[StrEnum]) -> Given:
    """The parameter `status`."""
    return Given(Status(kind, by_value=True), metadata={"description": "Any of these."})


_PATTERN: Final = "`%` stands for any text."


class CatalogQuery(PageSchema):
    """What a list of the catalog may be asked for."""

    name = a_text(f"The name. {_PATTERN}")
    user = a_text(f"Who made it. {_PATTERN}")
    tag = Given(a_text("A tag."), metadata={"description": "All of these tags."})


class ApplicationQuery(CatalogQuery):
    """What the list of applications may be asked for."""

    status = statuses(CommandStatus)
    type = a_text(f"The type. {_PATTERN}")


class CommandQuery(CatalogQuery):
    """What the list of commands may be asked for."""

    status = statuses(CommandStatus)


class ClusterQuery(CatalogQuery):
    """What the list of clusters may be asked for."""

    status = statuses(ClusterStatus)
    updated_from = ma.fields.Integer(
        data_key="minUpdateTime",
        metadata={"description": "Changed at or after this time, in milliseconds since 1970."},
    )
    updated_before = ma.fields.Integer(
        data_key="maxUpdateTime",
        metadata={"description": "Changed before this time, in milliseconds since 1970."},
    )


QUERIES: Final[dict[str, type[CatalogQuery]]] = {
    "applications": ApplicationQuery,
    "commands": CommandQuery,
    "clusters": ClusterQuery,
}


class CommandStatusQuery(ma.Schema):
    """Commands of these statuses only."""

    class Meta:
        """What else is sent is ignored."""

        unknown = ma.EXCLUDE

    status = statuses(CommandStatus)


class ClusterStatusQuery(ma.Schema):
    """Clusters of these statuses only."""

    class Meta:
        """What else is sent is ignored."""

        unknown = ma.EXCLUDE

    status = statuses(ClusterStatus)


def chosen(resources: list[AnyResource], query: dict[str, Any]) -> list[AnyResource]:
    """The entries that fit all that is asked for."""
    return [each for each in resources if _fits(each, query)]


def _fits(resource: AnyResource, query: dict[str, Any]) -> bool:
    for name in ("name", "user", "type"):
        if query.get(name) and not is_like(query[name], getattr(resource, name) or ""):
            return False
    if query["status"] and resource.status not in query["status"]:
        return False
    if not all(_bears(resource, tag) for tag in query.get("tag", ())):
        return False
    updated = resource.updated.timestamp() * 1000 if resource.updated else 0
    begin, end = query.get("updated_from"), query.get("updated_before")
    return (begin is None or updated >= begin) and (end is None or updated < end)


def _bears(resource: AnyResource, tag: str) -> bool:
    return (
        any(is_like(tag, each) for each in resource.tags)
        or tag == f"genie.id:{resource.id}"
        or tag == f"genie.name:{resource.name}"
    )


def in_order(resources: list[AnyResource], wanted: Wanted) -> list[AnyResource]:
    """The entries as they are to be sorted; what was changed last comes first unless it is said otherwise.

    Raises:
        Problem: 400, there is nothing to sort by of that name.
    """
    ordered = sorted(resources, key=lambda each: each.id)
    for field, descends in reversed(wanted.sort or (("updated", True),)):
        if field not in SORTABLE:
            raise Problem(
                400,
                "The list cannot be sorted so.",
                errors=[("sort", f"{field!r} is none of {', '.join(SORTABLE)}")],
            )
        ordered.sort(key=lambda each, field=field: str(getattr(each, field)), reverse=descends)  # type: ignore[misc]
    return ordered
