"""Which errors of MongoDB mean that it is away; each one raised by the real thing where that can be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymongo
import pytest
from mongoengine.errors import OperationError
from pymongo.database import Database
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DocumentTooLarge,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from tagfleet.models.database_errors import is_away
from tagfleet.models.processes import free_port


def raised(call: Callable[[], object]) -> Exception:
    """What the call raises."""
    # DocumentTooLarge is an error of BSON, not one of PyMongo.
    with pytest.raises((PyMongoError, DocumentTooLarge)) as found:
        call()
    return found.value


def test_a_server_that_does_not_answer_is_away() -> None:
    with pymongo.MongoClient[dict[str, Any]](
        port=free_port(), serverSelectionTimeoutMS=50
    ) as client:
        assert is_away(raised(lambda: client.admin.command("ping")))


def test_a_client_that_was_closed_because_the_worker_stops_counts_as_away(mongodb_url: str) -> None:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(mongodb_url)
    client.close()
    assert is_away(raised(lambda: client.admin.command("ping")))


def test_a_document_that_is_too_large_is_no_outage(mongodb: Database[dict[str, Any]]) -> None:
    assert not is_away(raised(lambda: mongodb["x"].insert_one({"x": "x" * 17 * 1024 * 1024})))


def test_a_second_document_of_one_id_is_no_outage(mongodb: Database[dict[str, Any]]) -> None:
    mongodb["x"].insert_one({"_id": 1})
    assert not is_away(raised(lambda: mongodb["x"].insert_one({"_id": 1})))
    assert not is_away(raised(lambda: mongodb["x"].insert_many([{"_id": 1}, {"_id": 2}])))


def test_an_update_that_makes_no_sense_is_no_outage(mongodb: Database[dict[str, Any]]) -> None:
    mongodb["x"].insert_one({"_id": 1, "n": "text"})
    assert not is_away(raised(lambda: mongodb["x"].update_one({"_id": 1}, {"$inc": {"n": 1}})))


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("connection closed"),
        NotPrimaryError("not primary"),
        WTimeoutError("waiting for replication timed out", code=64),
        OperationFailure("not primary", code=10107),
        OperationFailure("Plan executor error", code=112),
        OperationFailure("anything", code=1, details={"errorLabels": ["RetryableWriteError"]}),
        OperationFailure("Authentication failed.", code=18),
        BulkWriteError({"writeErrors": [{"code": 91}], "writeConcernErrors": []}),
    ],
    ids=repr,
)
def test_what_another_moment_or_an_admin_mends_is_an_outage(error: PyMongoError) -> None:
    assert is_away(error)


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("Document failed validation", code=121),
        BulkWriteError({"writeErrors": [{"code": 91}, {"code": 121}], "writeConcernErrors": []}),
        BulkWriteError({}),
        ValueError("ours"),
    ],
    ids=repr,
)
def test_what_will_be_the_same_the_next_time_is_none(error: Exception) -> None:
    assert not is_away(error)


@pytest.mark.parametrize(("code", "away"), [(11600, True), (121, False)])
def test_what_mongoengine_wraps_is_told_by_what_is_inside(code: int, away: bool) -> None:
    # Given
    wrapped = OperationError("as mongoengine raises it")
    wrapped.__cause__ = OperationFailure("as PyMongo raises it", code=code)
    # Then
    assert is_away(wrapped) is away
