"""The grammar of rule files as a JSON schema, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, fields, validate

from ...models.fields import Flag, Name, Number, Text
from .fields import Described, PatternList
from .schemas import RuleSchema, ShortOrLong
from .sections import VERSION, FileSchema, NamedMap

#: The draft that the editors' YAML language server knows best.
_DRAFT: Final = "http://json-schema.org/draft-07/schema#"


def rules_schema() -> dict[str, Any]:
    """The schema of a rule file. It checks the shape; what refers to what, only `lint` does."""
    definitions: dict[str, Any] = {}
    whole = _object(FileSchema(), definitions)
    whole["properties"]["version"] = {"const": VERSION}
    return {
        "$schema": _DRAFT,
        "$id": f"urn:tagfleet:rules:{VERSION}",
        "title": f"tagfleet rules, version {VERSION}",
        **whole,
        "definitions": dict(sorted(definitions.items())),
    }


def _object(schema: Schema, definitions: dict[str, Any]) -> dict[str, Any]:
    """An object with the schema's keys, and no others."""
    keys = {item.data_key or name: item for name, item in schema.load_fields.items()}
    about = {"description": type(schema).__doc__ or ""} if isinstance(schema, RuleSchema) else {}
    required = [key for key, item in keys.items() if item.required]
    return {
        **about,
        "type": "object",
        "properties": {key: _described(item, definitions) for key, item in keys.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _reference(schema: Schema, definitions: dict[str, Any]) -> dict[str, Any]:
    name = type(schema).__name__.strip("_").removesuffix("Schema")
    if name not in definitions:
        definitions[name] = {}  # the place is taken: what is inside may refer to it
        definitions[name] = _object(schema, definitions)
    return {"$ref": f"#/definitions/{name}"}


def _described(field: fields.Field[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    about = field.metadata.get("description")
    found = dict(_shape(field, definitions))
    if about is None:
        return found
    # In this draft, whatever stands beside a $ref is ignored.
    return {"description": about, **({"allOf": [found]} if "$ref" in found else found)}


def _shape(field: fields.Field[Any], definitions: dict[str, Any]) -> Mapping[str, Any]:
    match field:
        case NamedMap():
            entry = {"anyOf": [_reference(field.schema, definitions), {"type": "null"}]}
            return {"type": "object", "additionalProperties": entry}
        case ShortOrLong():
            short = PatternList.json_schema["anyOf"]
            return {"anyOf": [*short, _reference(field.schema, definitions)]}
        case Described():
            return field.json_schema
        case fields.Nested():
            return _reference(field.schema, definitions)
        case fields.List():
            return {"type": "array", "items": _described(field.inner, definitions)}
        case fields.Enum():
            return {"enum": [member.value for member in field.enum]}
        case Flag():
            return {"type": "boolean"}
        case Number():
            return {"type": "integer", **_bounds(field)}
        case Text():
            return {
                "type": ["string", "number"],
                **({"minLength": 1} if isinstance(field, Name) else {}),
            }
        case _:
            return {"type": "string"}


def _bounds(field: fields.Field[Any]) -> dict[str, Any]:
    found = next(each for each in field.validators if isinstance(each, validate.Range))
    return {"minimum": found.min, "maximum": found.max}
