"""What callers change is noted: who, when, and what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tagfleet.models import audit
from tagfleet.models.roles import Role

from ..test_submission import REQUEST, a_catalog
from .test_callers import bearer

__all__ = ["a_catalog"]


@pytest.fixture
def client(make_app: Callable[..., Flask], a_catalog: None) -> FlaskClient:
    """A client of an application that asks for tokens."""
    return make_app(TAGFLEET_HTTP_AUTH="tokens").test_client()


def test_a_change_of_the_catalog_is_noted_with_what_changed(client: FlaskClient) -> None:
    # When somebody changes a tag of a cluster
    patch = [{"op": "add", "path": "/tags/-", "value": "sched:sla"}]
    headers = bearer("olga", Role.ADMIN)
    assert client.patch("/api/v3/clusters/main", json=patch, headers=headers).status_code == 204
    # Then it is noted, before and after, and nothing else of the entry
    (found,) = audit.list_records(subject="main", action="clusters.change", limit=10)
    assert (found.who, found.means) == ("olga", "token")
    row = found.row()
    assert row["before"] == {"tags": ["type:yarn"]}
    assert sorted(row["after"]["tags"]) == ["sched:sla", "type:yarn"]


def test_what_changes_nothing_is_not_noted(client: FlaskClient) -> None:
    headers = bearer("olga", Role.ADMIN)
    assert client.patch("/api/v3/clusters/main", json=[], headers=headers).status_code == 204
    assert audit.list_records(action="clusters.change", limit=10) == []


def test_a_deleted_entry_can_be_read_in_its_record(client: FlaskClient) -> None:
    client.delete("/api/v3/clusters/main", headers=bearer("olga", Role.ADMIN))
    (found,) = audit.list_records(action="clusters.delete", limit=10)
    assert found.row()["before"]["tags"] == ["type:yarn"]


def test_who_has_asked_for_a_jobs_end_is_noted(client: FlaskClient) -> None:
    client.post("/api/v3/jobs", json=REQUEST, headers=bearer("ana", Role.SUBMITTER))
    client.delete("/api/v3/jobs/j1", headers=bearer("olga", Role.OPERATOR))
    (found,) = audit.list_records(action="job.kill", limit=10)
    assert (found.who, found.subject) == ("olga", "j1")


def test_a_token_is_noted_without_its_secret(client: FlaskClient) -> None:
    token = bearer("ana", Role.READER)["Authorization"]
    (found,) = audit.list_records(action="token.create", limit=10)
    assert found.row()["after"] == {"user": "ana", "role": "reader"}
    assert token.rsplit("_", 1)[1] not in str(found.to_mongo())


def test_admins_read_the_records_and_nobody_else(client: FlaskClient) -> None:
    client.delete("/api/v3/clusters/main", headers=bearer("olga", Role.ADMIN))
    refused = client.get("/api/v1/audit", headers=bearer("op", Role.OPERATOR))
    told = client.get(
        "/api/v1/audit?subject=main&action=clusters.delete", headers=bearer("olga", Role.ADMIN)
    )
    assert refused.status_code == 403
    assert told.json
    assert [each["action"] for each in told.json["records"]] == ["clusters.delete"]
