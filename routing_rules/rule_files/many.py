"""Lists and maps of which each item is read for itself, so that each problem has its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError, fields


class MapOf(fields.Field[Any]):
    """A map from any names to values of one kind."""

    def __init__(self, inner: fields.Field[Any], **kwargs: Any) -> None:
        super().__init__(load_default=dict, **kwargs)
        self.inner = inner

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> dict[str, Any]:
        return each_named(value, lambda _, item: self.inner.deserialize(item))


def each_text(value: object, load: Callable[[object], Any]) -> list[Any]:
    """What becomes of a text, or of each text of a list that has some.

    Raises:
        ValidationError: With the place of each that is wrong.
    """
    if isinstance(value, Mapping) or value == []:
        raise ValidationError("expected a text, or a list of texts")
    if not isinstance(value, list):
        return [load(value)]
    found, problems = [], {}
    for at, item in enumerate(value):
        try:
            found.append(load(item))
        except ValidationError as error:
            problems[at] = error.messages
    if problems:
        raise ValidationError(problems)
    return found


def each_named(value: object, load: Callable[[str, object], Any]) -> dict[str, Any]:
    """What becomes of each value of a map.

    Raises:
        ValidationError: With the key of each that is wrong.
    """
    if not isinstance(value, Mapping):
        raise ValidationError("expected a map")
    found, problems = {}, {}
    for key, item in value.items():
        try:
            found[key] = load(key, item)
        except ValidationError as error:
            problems[key] = error.messages
    if problems:
        raise ValidationError(problems)
    return found
