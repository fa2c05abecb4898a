"""The catalog's entries as Genie's clients send them and read them back."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import Response, jsonify

from ....models.errors import InvalidInput
from ....models.resources import AnyResource, Command
from ....models.schemas import (
    ApplicationSchema,
    CatalogSchema,
    ClusterSchema,
    CommandSchema,
    dump_resource,
    load_resource,
)
from ..hal import link, moment, with_links
from ..problems import Problem

#: What a list of each kind is called in a HAL document.
LISTS: Final = {
    "applications": "applicationList",
    "commands": "commandList",
    "clusters": "clusterList",
}

SCHEMAS: Final[dict[str, type[CatalogSchema]]] = {
    "applications": ApplicationSchema,
    "commands": CommandSchema,
    "clusters": ClusterSchema,
}

#: What each kind of entry leads to.
_LEADS_TO: Final = {
    "applications": ("commands",),
    "commands": ("applications", "clusters"),
    "clusters": ("commands",),
}


def as_data(kind: str, resource: AnyResource) -> dict[str, Any]:
    """An entry as JSON data, without links."""
    body = dump_resource(resource)
    for name in ("created", "updated"):
        body[name] = moment(getattr(resource, name))
    if isinstance(resource, Command):
        # Genie 3 knows the string, Genie 4 the list, too.
        body["executable"] = shlex.join(resource.executable)
    return body


def shown(kind: str, resource: AnyResource) -> dict[str, Any]:
    """An entry as it is read back."""
    links = {"self": link(kind, resource.id)}
    links |= {name: link(kind, resource.id, name) for name in _LEADS_TO[kind]}
    return with_links(as_data(kind, resource), links)


def answer_list(kind: str, resources: Sequence[AnyResource]) -> Response:
    """Entries that belong to another one: a plain list."""
    return jsonify([shown(kind, each) for each in resources])


def read_entry(
    kind: str, data: object, *, resource_id: str | None = None, before: AnyResource | None = None
) -> AnyResource:
    """An entry as a client sends it.

    Arguments:
        resource_id: The id that its path names; None: its own, or a new one.
        before: What it replaces.

    Raises:
        Problem: 400, it is no object.
        InvalidInput: Something is wrong with it.
    """
    what = kind.removesuffix("s")
    if not isinstance(data, Mapping):
        raise Problem(400, f"Expected a {what} as a JSON object, found {type(data).__name__}.")
    body = dict(data)
    if resource_id is not None:
        found = body.get("id")
        if found not in (None, resource_id):
            raise InvalidInput(what, [f"id: {found!r} differs from the path's {resource_id!r}"])
        body["id"] = resource_id
    if kind == "commands":
        body = _with_one_executable(body, before)
    return load_resource(kind, body)


def _with_one_executable(body: dict[str, Any], before: AnyResource | None) -> dict[str, Any]:
    """A client that sends back what it has read sends both forms; one that changed one, meant that one."""
    line, words = body.get("executable"), body.get("executableAndArguments")
    if not line or not words or not isinstance(before, Command):
        keep_line = line and not words
    else:
        unchanged = isinstance(words, list) and tuple(words) == before.executable
        keep_line = unchanged and line != shlex.join(before.executable)
    drop = "executableAndArguments" if keep_line else "executable"
    return {name: value for name, value in body.items() if name != drop}
