"""Connects to MongoDB, builds the indexes, and says clearly when it cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import mongoengine
from pymongo.database import Database
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from .errors import ServiceUnavailable
from .settings import masked

#: How long a command waits for a server before it fails, in milliseconds. At start this is what a
#: user waits for the error; later, what a worker waits before it says that the database is away.
SERVER_SELECTION_MILLISECONDS = 5_000

DEFAULT_DATABASE = "tagfleet"


def now() -> datetime:
    """The time, in UTC and in the milliseconds that MongoDB keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def connect(url: str) -> Database[dict[str, Any]]:
    """Connect this process to MongoDB; never before a fork (PyMongo's clients do not survive one).

    Raises:
        ServiceUnavailable: No server answers within 5 s, or it refuses the credentials.
    """
    disconnect()
    try:
        client: Any = mongoengine.connect(
            db=urlsplit(url).path.strip("/") or DEFAULT_DATABASE,
            host=url,
            tz_aware=True,
            uuidRepresentation="standard",
            serverSelectionTimeoutMS=SERVER_SELECTION_MILLISECONDS,
            # An answer must outlive the server that gave it: a job is accepted when its record is.
            w="majority",
            journal=True,
            # A pass must see what the pass before it wrote.
            readPreference="primary",
            appname="tagfleet",
        )
        client.admin.command("ping")
    except (PyMongoError, ConfigurationError) as error:
        disconnect()
        reason = (
            error.details.get("errmsg", str(error))
            if isinstance(error, OperationFailure) and error.details
            else str(error)
        )
        raise ServiceUnavailable(
            "MongoDB", masked(url), reason.split(", Timeout:")[0], "Check TAGFLEET_MONGODB_URL."
        ) from error
    return database()


def disconnect() -> None:
    """Close this process's connections, if it has any."""
    mongoengine.disconnect_all()


def database() -> Database[dict[str, Any]]:
    """The database that this process is connected to."""
    found: Database[dict[str, Any]] = mongoengine.get_db()
    return found
