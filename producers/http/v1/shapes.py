"""Field makers for the schemas of answers, each with what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields


def text(what: str, name: str | None = None, **more: Any) -> fields.String:
    """A text."""
    metadata = {"description": what, **more.pop("metadata", {})}
    return fields.String(data_key=name, metadata=metadata, **more)


def time(what: str, name: str | None = None, **more: Any) -> fields.String:
    """A moment, in ISO 8601."""
    return text(what, name, metadata={"format": "date-time"}, **more)


def number(what: str, name: str | None = None, **more: Any) -> fields.Integer:
    """A whole number."""
    return fields.Integer(data_key=name, metadata={"description": what}, **more)


def flag(what: str, name: str | None = None, **more: Any) -> fields.Boolean:
    """True or false."""
    return fields.Boolean(data_key=name, metadata={"description": what}, **more)


def texts(what: str, name: str | None = None, **more: Any) -> fields.List[Any]:
    """A list of texts."""
    return fields.List(fields.String(), data_key=name, metadata={"description": what}, **more)


def thing(what: str, name: str | None = None, **more: Any) -> fields.Dict:
    """An object with keys of its own."""
    return fields.Dict(keys=fields.String(), data_key=name, metadata={"description": what}, **more)


def things(
    schema: type[ma.Schema], what: str, name: str | None = None, **more: Any
) -> fields.List[Any]:
    """A list of objects."""
    return fields.List(fields.Nested(schema), data_key=name, metadata={"description": what}, **more)


def plain(value: Any) -> Any:
    """Data whose moments are texts."""
    match value:
        case datetime():
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case Mapping():
            return {key: plain(each) for key, each in value.items()}
        case str() | bytes():
            return value
        case Sequence():
            return [plain(each) for each in value]
    return value
