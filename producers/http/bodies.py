"""Reads the JSON of a request, and says exactly what is wrong where it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from flask import request
from gunicorn.http.errors import ParseException

from ...models.fields import DEPTH, is_deeper
from .problems import Problem

_TOO_DEEP: Final = "The body has too many lists and objects within each other."


def read_json(*, if_empty: Any = None) -> Any:
    """The body of the request as JSON data.

    Arguments:
        if_empty: What a request without a body means; None: it is refused.

    Raises:
        Problem: 400, it is no JSON; 415, it says that it is something else.
        RequestEntityTooLarge: It is too large.
    """
    with reading():
        body = request.get_data(cache=False)
        if request.content_length is None:
            # Of chunks, Werkzeug hands out as many bytes as it may, and refuses only to go on: go on.
            request.stream.read(1)
    if not body and if_empty is not None:
        return if_empty
    if request.mimetype and not (request.is_json or request.mimetype == "text/plain"):
        raise Problem(415, f"Expected application/json, found {request.mimetype}.")
    return parse(body)


@contextmanager
def reading() -> Iterator[None]:
    """Read the body within this.

    Raises:
        Problem: 400, it does not come to its end.
    """
    try:
        yield
    except (OSError, ParseException) as error:
        # A chunk of a wrong length, or a client that is gone.
        raise Problem(400, f"The body cannot be read to its end: {error}.") from error


def parse(body: bytes | str) -> Any:
    """JSON text as data; what is doubtful is refused.

    Raises:
        Problem: 400, it is no JSON.
    """
    try:
        found = json.loads(body, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise Problem(400, _TOO_DEEP) from None
    except ValueError as error:
        raise Problem(400, f"The body is not valid JSON: {error}.") from error
    # What can just be read could not be copied, or written, from where more is being done.
    if is_deeper(found, 2 * DEPTH):
        raise Problem(400, _TOO_DEEP)
    return found


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
