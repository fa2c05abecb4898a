"""The marshmallow fields and the schema base that everything on a wire shares."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, post_dump, pre_load, validate

#: Accepted and ignored, because Genie's clients send back what they were given.
IGNORED_KEYS = frozenset({"_links", "checkDelay"})

NAME_LENGTH = 255
URI_LENGTH = 1024
DESCRIPTION_LENGTH = 1000
ARGUMENT_LENGTH = 10_000

#: How many lists and objects may stand within each other: as many as in a document of MongoDB.
DEPTH = 100

_UNKNOWN = "Unknown field."
_ID = re.compile(r"[^/\\\x00-\x1f\x7f]+")
_CLUSTER_ID = re.compile(r"j-[A-Z0-9]+")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")


class WireSchema(Schema):
    """A schema that refuses unknown keys and names the nearest one that it knows."""

    class Meta:
        """Unknown keys are errors: a misspelt key must never be dropped in silence."""

        unknown = RAISE

    #: Keys that are taken out before anything is checked.
    ignored: ClassVar[frozenset[str]] = IGNORED_KEYS

    @pre_load
    def _drop_ignored(self, data: Any, **_: object) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {
            key: value
            for key, value in data.items()
            if key not in self.ignored and value is not None
        }

    @post_dump
    def _drop_absent(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        return {key: value for key, value in data.items() if value is not None}

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **_: object) -> None:
        """Turn "Unknown field." into a sentence that names the nearest known key."""
        if not isinstance(error.messages, dict):
            return
        known = [item.data_key or name for name, item in self.load_fields.items()]
        for key, found in error.messages.items():
            if found == [_UNKNOWN]:
                near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.6)
                error.messages[key] = [
                    f"unknown field, did you mean {near[0]!r}?" if near else "unknown field"
                ]


class Text(fields.String):
    """A string; YAML's numbers are taken as they were written (`version: 3.10` is "3.10")."""

    def __init__(self, *, longest: int = NAME_LENGTH, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(max=longest), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, int | float):
            value = getattr(value, "text", str(value))
        text = str(super()._deserialize(value, attr, data, **kwargs))
        # A lone surrogate survives json.loads but can be neither stored nor sent on.
        if (
            "\x00" in text
            or not text.isascii()
            and any("\ud800" <= char <= "\udfff" for char in text)
        ):
            raise ValidationError("must be printable text (a NUL or half a UTF-16 pair was found)")
        return text


class Name(Text):
    """A string that must not be blank."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.strip():
            raise ValidationError("must not be blank")
        return text


class Identifier(Name):
    """An id: it becomes a part of a path and of an S3 key, so no slash, and not `.` or `..`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not _ID.fullmatch(text) or text in (".", ".."):
            raise ValidationError(
                f"{text!r} is not an id: expected no slash, no control character, and not '.' or '..'"
            )
        return text


class ClusterId(Name):
    """EMR's id of a cluster."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not _CLUSTER_ID.fullmatch(text):
            raise ValidationError("expected EMR's id, as in j-2AXXXXXXGAPLF")
        return text


class RoleArn(Name):
    """The name of a role in all of AWS."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not _ROLE_ARN.fullmatch(text):
            raise ValidationError(
                "expected a role's ARN, as in arn:aws:iam::123456789012:role/name"
            )
        return text


class Number(fields.Integer):
    """A whole number within bounds; `"5"` and `true` are not numbers."""

    def __init__(self, lowest: int, highest: int, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(lowest, highest), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("Not a valid integer.")
        super()._deserialize(value, attr, data, **kwargs)
        return int(value)  # a plain one: YAML's numbers remember how they were written


def check_sendable(value: object) -> None:
    """A validator: what its owner sends of a form of its own can be sent on as it is.

    Raises:
        ValidationError: It cannot.
    """
    if is_deeper(value, DEPTH):
        raise ValidationError(f"must not be nested deeper than {DEPTH} levels")
    try:
        # Half a UTF-16 pair survives json.loads, wherever it stands.
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise ValidationError("must be printable text (half a UTF-16 pair was found)") from error


def is_deeper(value: object, levels: int) -> bool:
    """Whether JSON data has lists or objects within each other that go deeper."""
    # Level by level: what walks down by calling itself fails where it should only say yes.
    found = [value] if isinstance(value, dict | list) else []
    while found and levels:
        levels -= 1
        found = [
            inner
            for each in found
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
    return bool(found)


class Flag(fields.Boolean):
    """`true` or `false`, and nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not a valid boolean.")
        return value


class Texts(fields.List[Any]):
    """An ordered list of strings, kept as a tuple."""

    def __init__(self, inner: fields.Field[Any] | None = None, **kwargs: Any) -> None:
        super().__init__(inner or Text(longest=URI_LENGTH), load_default=(), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return tuple(super()._deserialize(value, attr, data, **kwargs))


class TagSet(fields.List[Any]):
    """A set of tags; sorted on the wire, blanks dropped."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Text(), load_default=frozenset(), **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> list[str]:
        return sorted(value or ())

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found = super()._deserialize(value, attr, data, **kwargs) or ()
        return frozenset(tag for tag in found if tag and tag.strip())


class Arguments(Texts):
    """Arguments: a list, or one string that is split as a shell splits words."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Text(longest=ARGUMENT_LENGTH), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str):
            if len(value) > ARGUMENT_LENGTH:
                raise ValidationError(f"Longer than maximum length {ARGUMENT_LENGTH}.")
            try:
                value = shlex.split(value)
            except ValueError as error:
                raise ValidationError(
                    f"cannot be split into words ({error}); use a list instead"
                ) from error
        return super()._deserialize(value, attr, data, **kwargs)
