"""A client of the bare application, with a catalog for its jobs; nobody works at what is submitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tagfleet.models import catalog, jobs
from tagfleet.models.database import now

from ....models.samples import a_cluster, a_command, a_request


@pytest.fixture
def client(make_app: Callable[..., Flask], mongodb: Any) -> FlaskClient:
    """The client; the catalog has a command and a cluster for `a_request`."""
    catalog.apply([a_command(), a_cluster()])
    return make_app().test_client()


@pytest.fixture
def record(mongodb: Any) -> Callable[..., str]:
    """Records a job; gives its id."""

    def recorded(job_id: str = "job-1", tag_group: str = "default", **changes: Any) -> str:
        jobs.record(
            a_request(id=job_id, **changes),
            tag_group,
            worker="the test",
            ring_at=now(),
            queue_seconds=3600,
        )
        return job_id

    return recorded
