"""Reads the JSON of a request, and says exactly what is wrong where it cannot."""

from __future__ import annotations

import json
from typing import Any

from flask import request

from .problems import Problem


def read_json(*, if_empty: Any = None) -> Any:
    """The body of the request as JSON data.

    Arguments:
        if_empty: What a request without a body means; None: it is refused.

    Raises:
        Problem: 400, it is no JSON; 415, it says that it is something else.
    """
    body = request.get_data(cache=False)
    if not body and if_empty is not None:
        return if_empty
    if request.mimetype and not (request.is_json or request.mimetype == "text/plain"):
        raise Problem(415, f"Expected application/json, found {request.mimetype}.")
    return parse(body)


def parse(body: bytes | str) -> Any:
    """JSON text as data; what is doubtful is refused.

    Raises:
        Problem: 400, it is no JSON.
    """
    try:
        return json.loads(body, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise Problem(400, "The body is nested too deeply.") from None
    except ValueError as error:
        raise Problem(400, f"The body is not valid JSON: {error}.") from error


def read_texts(what: str) -> list[str]:
    """The body as a list of strings; an empty body is an empty list, as Genie's client sends it.

    Raises:
        Problem: 400, it is something else.
    """
    found = read_json(if_empty=[])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Problem(400, f"Expected a list of {what}, each a string.")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name in found if sum(name == other for other, _ in pairs) > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
