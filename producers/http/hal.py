"""Links and embedded lists, as Genie's clients know them (HAL)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from flask import request

from .paging import Page


def link(*parts: str) -> dict[str, str]:
    """A link to a resource of /api/v3; the parts of its path are encoded."""
    return {"href": address(*parts)}


def address(*parts: str) -> str:
    """The whole address of a resource of /api/v3."""
    # What has a meaning in a path is encoded; Genie's client takes an id from here as it stands.
    path = "/".join(quote(part, safe=":@!$&'()*+,;=~") for part in parts)
    return f"{request.host_url.rstrip('/')}/api/v3/{path}"


def with_links(body: Mapping[str, Any], links: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    """A resource with its links."""
    return {**body, "_links": dict(links)}


def listing(name: str, page: Page[dict[str, Any]], *parts: str) -> dict[str, Any]:
    """A page of a list; nothing is embedded where there is nothing, as Spring does it.

    Arguments:
        name: What the list is called: `applicationList`, `jobSearchResultList`.
    """
    body: dict[str, Any] = {"_links": {"self": link(*parts)}, "page": page.as_data()}
    if page.items:
        body["_embedded"] = {name: list(page.items)}
    return body


def moment(time: datetime | None) -> str | None:
    """A time as Genie writes it: `2026-11-23T08:00:00.000Z`."""
    if time is None:
        return None
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
