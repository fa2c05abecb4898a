"""What a schema found wrong, as sentences that begin with a path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from marshmallow import ValidationError


def problems_of(error: ValidationError) -> list[tuple[str, str]]:
    """A validation error's problems, each with its path (`clusterCriterias[0].tags`)."""
    messages = error.messages
    return sorted(_flatten("", messages if isinstance(messages, dict) else {"_schema": messages}))


def _flatten(path: str, messages: object) -> Iterator[tuple[str, str]]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _flatten(_join(path, key), inner)
    elif isinstance(messages, list):
        for text in messages:
            yield path or "the whole", str(text).rstrip(".")
    else:
        yield path or "the whole", str(messages).rstrip(".")


def _join(path: str, key: object) -> str:
    if key == "_schema" or (key in ("key", "value") and path.startswith("environment.")):
        return path
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)
