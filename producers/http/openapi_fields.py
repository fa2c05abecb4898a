"""What our own fields are in an OpenAPI document."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from ...models.fields import ARGUMENT_LENGTH, Arguments, ClusterId, Identifier, Name, WireSchema
from .openapi_texts import TEXTS


def teach(converter: Any) -> None:
    """Let apispec's converter know our fields."""
    converter.add_attribute_function(_ours)
    converter.add_attribute_function(_text)
    converter.add_attribute_function(_null)


def _ours(_: object, field: ma.fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    match field:
        case Arguments() if not field.dump_only:
            return _words(ret)
        case Identifier():
            return {"minLength": 1, "pattern": r"^[^/\\\x00-\x1f\x7f]+$"}
        case ClusterId():
            return {"pattern": "^j-[A-Z0-9]+$"}
        case Name():
            return {"minLength": 1}
        case ma.fields.Enum():
            return {"type": "string"}
    return {}


def _text(_: object, field: ma.fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """What the field means, where its schema does not say it."""
    if "description" in ret or not isinstance(field.parent, ma.Schema):
        return {}
    known = TEXTS.get(type(field.parent).__name__.removesuffix("Schema").removesuffix("Entry"), {})
    text = known.get(field.data_key or field.name or "")
    return {"description": text} if text else {}


def _null(_: object, field: ma.fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """Of what is sent, null is as good as absent."""
    is_sent = isinstance(field.parent, WireSchema) and not (field.dump_only or field.required)
    is_shown = type(field.parent).__name__.endswith("EntrySchema")
    return {"nullable": True} if is_sent and not is_shown and "$ref" not in ret else {}


def _words(ret: dict[str, Any]) -> dict[str, Any]:
    """One string, split as a shell does it, or a list of strings."""
    a_list = {"type": ret.pop("type"), "items": ret.pop("items")}
    return {"oneOf": [a_list, {"type": "string", "maxLength": ARGUMENT_LENGTH}]}
