"""Tells a MongoDB that is away from one that refuses what it is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mongoengine.errors import OperationError
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from .errors import ServiceUnavailable
from .passing import MONGODB, PASSING, Said, classes_of, kind_of

#: What MongoDB or PyMongo mark with these may work when it is done again.
_LABELS = ("RetryableWriteError", "TransientTransactionError")


class DatabaseAway(ServiceUnavailable):
    """MongoDB does not answer for now; what was being done may be done again."""


def database_away(error: BaseException) -> DatabaseAway | None:
    """What to raise in place of an error that says MongoDB is away; None where it says anything else.

    MongoDB's own errors tell nobody which service it was that did not answer.
    """
    if not is_away(error):
        return None
    why = str(error).split(" (configured timeouts")[0].split(", Timeout:")[0]
    return DatabaseAway("MongoDB", "the configured address", why)


def is_away(error: BaseException | None) -> bool:
    """Whether the same may work later: by the table of `passing`, not by the exception's class alone."""
    if isinstance(error, OperationError):
        # mongoengine puts what PyMongo raises into an error of its own.
        return is_away(error.__cause__ or error.__context__)
    if not isinstance(error, PyMongoError):
        return False
    if any(error.has_error_label(label) for label in _LABELS):
        return True
    if isinstance(error, BulkWriteError):
        failures = list(_failures(error.details))
        return bool(failures) and all(_passes([code], "") for code in failures)
    codes = [str(error.code)] if isinstance(error, OperationFailure) else []
    return _passes([*classes_of(error), *codes], str(error))


def _passes(names: list[str], text: str) -> bool:
    return kind_of(Said(names, text=text), MONGODB) in PASSING


def _failures(details: Mapping[str, Any]) -> Iterable[str]:
    for part in ("writeErrors", "writeConcernErrors"):
        for failure in details.get(part, ()):
            yield str(failure.get("code"))
