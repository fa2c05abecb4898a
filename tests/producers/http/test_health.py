"""What the server tells of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tagfleet.models.database import connect, disconnect
from tagfleet.models.embedded_mongodb import served
from tagfleet.models.settings import Settings
from tagfleet.producers.http import health
from tagfleet.producers.http.app import create_app

from .test_submission import problem_of


def test_it_is_ready_while_every_service_answers(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ready", "dependencies": {"mongodb": "ok", "staging": "ok"}}


def test_it_names_the_service_that_fails(tmp_path: Path) -> None:
    # Given a server whose database has gone, and whose broker was never there
    with served(tmp_path / "mongodb") as url:
        connect(url)
        nowhere = {"TAGFLEET_AMQP_URL": "amqp://user:secret@127.0.0.1:9/"}
        app = create_app(Settings.from_environ(nowhere))
    client = app.test_client()
    # Then it lives, is not ready, and says which is away and why; without the password
    assert client.get("/healthz").json == {"status": "ok"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert set(answer.json["dependencies"]) == {"mongodb", "rabbitmq"}
    assert all("refused" in text.lower() for text in answer.json["dependencies"].values())
    assert "secret" not in answer.text
    # And a request that needs the database is told to come again
    answer = client.get("/api/v3/clusters")
    assert "MongoDB" in problem_of(answer, 503)["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    disconnect()


def test_however_many_ask_the_services_are_not_asked_more_often(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a server that was asked
    assert client.get("/readyz").status_code == 200
    # When it is asked again within the moment for which an answer holds
    monkeypatch.delattr(health, "_ask")
    monkeypatch.setattr(health, "FRESH_SECONDS", 3600.0)
    # Then it asks nobody
    assert client.get("/readyz").status_code == 200


def test_requests_are_counted_by_the_rule_of_their_path(client: FlaskClient) -> None:
    client.get("/api/v3/jobs/some-id")
    client.open("/api/v3/jobs/other-id", method="BREW")
    text = client.get("/metrics").text
    route = 'route="/api/v3/jobs/<string:job_id>",status="404"'
    assert f'tagfleet_http_requests_total{{method="GET",{route}}}' in text
    assert "some-id" not in text
    assert "BREW" not in text
