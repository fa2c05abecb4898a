"""Tokens as they are sent with requests, and the memory of those that were just looked up."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Final

from flask import Request
from mongoengine.errors import OperationError
from pymongo.errors import PyMongoError

from ....models import tokens
from ....models.database_errors import is_away
from ....models.tokens import Bearer
from ..problems import Problem

#: For how long a token is not looked up again, in seconds: so long a revoked one may still be taken.
KNOWN_SECONDS: Final = 1.0

#: The same while MongoDB is away: jobs are still taken on then.
KNOWN_WHILE_AWAY_SECONDS: Final = 600.0

#: How many tokens are remembered.
_MOST: Final = 10_000


def sent_with(request: Request) -> str | None:
    """The token that came with a request, as a bearer's or as the password of whoever; None: no token.

    Raises:
        Problem: 401, the header holds something else.
    """
    if "Authorization" not in request.headers:
        return None
    sent = request.authorization
    # A password is all that Genie's client, curl -u and .netrc can send.
    token = sent and (
        sent.token
        if sent.type == "bearer"
        else sent.get("password")
        if sent.type == "basic"
        else None
    )
    if not token:
        raise Problem(
            401,
            "Expected 'Authorization: Bearer' and a token, or 'Basic' with the token as password.",
            headers={"WWW-Authenticate": 'Bearer realm="tagfleet"'},
        )
    return str(token)


def known(token: str) -> Bearer | None:
    """Whom a token is of; None if it is not valid."""
    return _memory.look(token)


class _Memory:
    """Remembers answers for a moment, under digests: a token is in no memory for longer than its request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[bytes, tuple[float, Bearer]] = {}

    def look(self, token: str) -> Bearer | None:
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            looked, bearer = self._found.get(key, (-KNOWN_WHILE_AWAY_SECONDS, None))
        age = time.monotonic() - looked
        if bearer and age < KNOWN_SECONDS:
            return bearer
        try:
            bearer = tokens.verify(token)
        except (PyMongoError, OperationError) as error:
            if is_away(error) and bearer and age < KNOWN_WHILE_AWAY_SECONDS:
                return bearer
            raise
        self._keep(key, bearer)
        return bearer

    def _keep(self, key: bytes, bearer: Bearer | None) -> None:
        with self._lock:
            if bearer is None:
                self._found.pop(key, None)
                return
            if len(self._found) >= _MOST:
                self._found.clear()
            self._found[key] = (time.monotonic(), bearer)


_memory = _Memory()
