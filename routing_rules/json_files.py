"""Reads a JSON file as strictly as YAML files are read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from ..models.errors import InvalidInput
from .scalars import real_number, whole_number


def read_json(text: str, source: str, deepest: int) -> Any:
    """The data of a JSON file; its numbers keep their text.

    Raises:
        InvalidInput: It is not JSON, has a key twice, or is nested too deeply.
    """
    try:
        data = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=whole_number,
            parse_float=real_number,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise _refused(f"{source}:{error.lineno}:{error.colno}: {error.msg}") from error
    except ValueError as error:
        raise _refused(f"{source}: {error}") from error
    except RecursionError as error:
        raise _refused(f"{source}: nested deeper than {deepest} levels") from error
    if _is_deeper(data, deepest):
        raise _refused(f"{source}: nested deeper than {deepest} levels")
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"duplicate key {key!r}")
        found[key] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_deeper(data: Any, deepest: int) -> bool:
    level = _containers([data])
    for _ in range(deepest):
        level = [
            inner
            for outer in level
            for inner in _containers(outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def _containers(values: Iterable[Any]) -> list[dict[str, Any] | list[Any]]:
    return [value for value in values if isinstance(value, dict | list)]


def _refused(problem: str) -> InvalidInput:
    return InvalidInput("file", [problem])
