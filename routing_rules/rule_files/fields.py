"""The fields of rule files that no other file has, each with its part of the editors' schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields

from ...models.fields import Name, Text
from ...models.queues import RESERVED_GROUP_NAMES, valid_group_name
from ..limits import PERIODS, Rate
from ..patterns import Patterns
from ..windows import Hours, When
from .known import known_now
from .many import each_named, each_text

#: Ten years, in seconds.
LONGEST_SECONDS: Final = 10 * 365 * 86_400
LARGEST: Final = 2**31 - 1

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_RATE = re.compile(r"([1-9]\d{0,8})/(s|min|h|d)")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_TEXT = Name()
_TEXTS_SCHEMA: Final = {
    "anyOf": [
        {"type": ["string", "number"]},
        {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1},
    ]
}


class Described(fields.Field[Any]):
    """A field that says itself what editors know of it."""

    json_schema: ClassVar[Mapping[str, Any]]


class RuleName(Described):
    """What a rule, a pool, a set or a window is called."""

    json_schema = {"type": "string", "pattern": f"^{_NAME.pattern}$"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return check_name(_TEXT.deserialize(value))


class QueueName(Described):
    """The name of a tag group that is declared under `queues`."""

    json_schema = {"type": "string"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return known_now().use("queues", _TEXT.deserialize(value))


class PoolName(Described):
    """The name of a pool."""

    json_schema = {"type": "string"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return known_now().use("pools", _TEXT.deserialize(value))


class PatternList(Described):
    """One text or several: exact ones, globs with `*` and `?`, and `$name` for a set."""

    json_schema = _TEXTS_SCHEMA

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Patterns:
        known = known_now()
        texts = each_text(value, lambda item: known.spelled_out(_TEXT.deserialize(item)))
        return Patterns(tuple(text for several in texts for text in several))


class WhenList(Described):
    """A window or several, all of which must hold; `!name` is outside of it."""

    json_schema = {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ]
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> tuple[When, ...]:
        known = known_now()
        return tuple(each_text(value, lambda item: known.when(_TEXT.deserialize(item))))


class Duration(Described):
    """A length of time, as seconds: `90s`, `15m`, `4h`, `1d12h`, or a number of seconds."""

    json_schema = {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": LONGEST_SECONDS},
            {"type": "string", "pattern": r"^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"},
        ]
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        text = _TEXT.deserialize(value)
        found = _DURATION.fullmatch(text)
        if text.isascii() and text.isdigit():
            seconds = int(text)
        elif found and len(text) < 32:
            days, hours, minutes, rest = (int(part or 0) for part in found.groups())
            seconds = ((days * 24 + hours) * 60 + minutes) * 60 + rest
        else:
            raise ValidationError(f"not a length of time: {text!r} (90s, 15m, 4h, 1d12h)")
        if not 1 <= seconds <= LONGEST_SECONDS:
            raise ValidationError("must be at least a second and at most ten years")
        return seconds


class RateField(Described):
    """So many requests in a second, a minute, an hour or a day: `60/min`."""

    json_schema = {"type": "string", "pattern": f"^{_RATE.pattern}$"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Rate:
        text = _TEXT.deserialize(value)
        found = _RATE.fullmatch(text)
        if not found:
            raise ValidationError(f"not a rate: {text!r} (60/min; {', '.join(PERIODS)})")
        return Rate(count=int(found[1]), period=found[2])


class HoursList(Described):
    """Spans of the day, `08:00-18:00`; over midnight when the end comes first."""

    json_schema = {
        "anyOf": [
            {"type": "string", "pattern": f"^{_HOURS.pattern}$"},
            {
                "type": "array",
                "items": {"type": "string", "pattern": f"^{_HOURS.pattern}$"},
                "minItems": 1,
            },
        ]
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> tuple[Hours, ...]:
        return tuple(each_text(value, _hours))


class TimeZone(Described):
    """A name of the tz database: `Europe/Amsterdam`."""

    json_schema = {"type": "string"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tzinfo:
        text = _TEXT.deserialize(value)
        try:
            return ZoneInfo(text)
        except (KeyError, ValueError, OSError) as error:
            raise ValidationError(
                f"no such time zone: {text!r} (or this machine has no tz database)"
            ) from error


class Moment(Described):
    """A point in time, ISO 8601; without an offset it is in the window's own zone."""

    json_schema = {"type": "string"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        text = _TEXT.deserialize(value)
        try:
            return datetime.fromisoformat(text)
        except ValueError as error:
            raise ValidationError(f"not a time: {text!r} (2026-12-24T00:00:00Z)") from error


class Environment(Described):
    """Variables by their names."""

    json_schema = {
        "type": "object",
        "propertyNames": {"pattern": f"^(?!GENIE_){_VARIABLE.pattern}$"},
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> dict[str, str]:
        def load(name: str, text: object) -> str:
            if not _VARIABLE.fullmatch(name) or name.startswith("GENIE_"):
                raise ValidationError(
                    "not a variable's name, or reserved: expected letters, digits and _, "
                    "and no GENIE_ name"
                )
            return str(_VALUE.deserialize(text))

        return each_named(value, load)


_VALUE = Text(longest=32_768)


def check_name(name: str) -> str:
    """The name, if a rule, a pool, a set or a window may be called so.

    Raises:
        ValidationError: It may not.
    """
    if not _NAME.fullmatch(name):
        raise ValidationError(
            f"{name!r} is not a name: expected lower-case letters, digits, . - and _, "
            "63 of them at most"
        )
    return name


def check_group(name: str) -> str:
    """The name, if a tag group may be called so.

    Raises:
        ValidationError: It may not.
    """
    if name in RESERVED_GROUP_NAMES:
        raise ValidationError(f"{name!r} is the name of one of the fleet's own queues")
    if not valid_group_name(name):
        raise ValidationError(
            f"{name!r} is not a queue's name: expected lower-case letters, digits, - and _, "
            "64 of them at most"
        )
    return name


def _hours(value: object) -> Hours:
    text = _TEXT.deserialize(value)
    found = _HOURS.fullmatch(text)
    if not found:
        raise ValidationError(f"not hours of a day: {text!r} (08:00-18:00)")
    start = int(found[1]) * 60 + int(found[2])
    end = int(found[3]) * 60 + int(found[4]) if found[3] else 1440
    if start == end:
        raise ValidationError(f"{text!r} begins when it ends")
    return Hours(start_minute=start, end_minute=end)
