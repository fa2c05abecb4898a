"""Fixtures that all tests share: real services, started once, and a clean part of each for every test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database

from tagfleet.models import jobs
from tagfleet.models.database import connect, database, disconnect
from tagfleet.models.embedded_mongodb import served

pytest_plugins = ["tests.amqp_fixtures", "tests.emr_fixtures"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test that failed a second try, told in the summary: most wait for other processes, and machines are busy.

    Not in tests/faults: a job that ran twice there in one of many runs is what they look for.
    """
    for item in items:
        if "faults" not in item.path.parts:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("TAGFLEET_", "AWS_")) and not name.startswith("TAGFLEET_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def mongodb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MongoDB for the whole run: the embedded one, or what TAGFLEET_TEST_MONGODB_URL names."""
    outside = os.environ.get("TAGFLEET_TEST_MONGODB_URL")
    if outside:
        yield outside
        return
    with served(tmp_path_factory.mktemp("mongodb")) as url:
        yield url


@pytest.fixture
def mongodb_url(mongodb_server: str) -> str:
    """The address of a database that nobody else uses."""
    base, _, query = mongodb_server.partition("?")
    return f"{base.rsplit('/', 1)[0]}/test_{uuid.uuid4().hex[:12]}?{query}"


@pytest.fixture
def mongodb(mongodb_url: str) -> Iterator[Database[dict[str, Any]]]:
    """A clean database that this process is connected to."""
    found = connect(mongodb_url)
    jobs.ensure_indexes()
    yield found
    database().client.drop_database(found.name)
    disconnect()
