"""What the front door does with a job request, before anybody works at it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pika
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tagfleet.models import catalog, jobs
from tagfleet.models.database import connect, disconnect
from tagfleet.models.embedded_mongodb import served
from tagfleet.models.job import Job
from tagfleet.models.queues import group_queue, topology
from tagfleet.models.resources import Application, Cluster, Command, Criterion, Engine
from tagfleet.models.settings import Settings
from tagfleet.models.states import ClusterStatus, JobStatus
from tagfleet.producers.http import backlog
from tagfleet.producers.http.app import create_app
from tagfleet.workers.broker.topology import declare

REQUEST = {
    "id": "j1",
    "name": "line",
    "user": "ana",
    "version": "1",
    "commandCriteria": ["type:bash"],
    "clusterCriterias": [{"tags": ["type:yarn"]}],
    "commandArgs": ["true"],
}


@pytest.fixture
def client(make_app: Callable[..., Flask], a_catalog: None) -> FlaskClient:
    """A client of the bare application, which has a command and a cluster for REQUEST."""
    return make_app().test_client()


@pytest.fixture
def a_catalog(mongodb: Any) -> None:
    """A command and a cluster for REQUEST."""
    common: dict[str, Any] = {"name": "x", "user": "ops", "version": "1"}
    runs_on = (Criterion.of_tags(["type:yarn"]),)
    cluster = Cluster(
        id="main", tags=frozenset({"type:yarn"}), engine=Engine(cluster_id="j-1"), **common
    )
    command = Command(
        id="bash",
        tags=frozenset({"type:bash"}),
        executable=("bash", "-c"),
        cluster_criteria=runs_on,
        **common,
    )
    catalog.apply([Application(id="app", **common), command, cluster])


def submit(client: FlaskClient, *, attachments: Any = None, **changes: Any) -> TestResponse:
    body = {**REQUEST, **changes}
    if attachments is None:
        return client.post("/api/v3/jobs", json=body)
    files = [(io.BytesIO(content), name) for name, content in attachments]
    data = {"request": (io.BytesIO(json.dumps(body).encode()), ""), "attachment": files}
    return client.post("/api/v3/jobs", data=data, content_type="multipart/form-data")


def problem_of(answer: TestResponse, status: int) -> Any:
    """The problem document of an answer with this status."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == status
    return answer.json


def test_a_job_is_recorded_before_it_is_answered(client: FlaskClient) -> None:
    answer = submit(client)
    assert answer.status_code == 202
    assert answer.headers["Location"] == "http://localhost/api/v3/jobs/j1"
    assert jobs.get("j1").status is JobStatus.RESERVED


def test_a_request_without_an_id_is_given_one(client: FlaskClient) -> None:
    answer = submit(client, id=None)
    assert jobs.get(answer.headers["Location"].rpartition("/")[2]).name == "line"


def test_an_id_is_encoded_where_it_stands_in_an_address(client: FlaskClient) -> None:
    answer = submit(client, id="a b?c#d%é")
    assert answer.headers["Location"].endswith("/api/v3/jobs/a%20b%3Fc%23d%25%C3%A9")
    assert client.get(answer.headers["Location"]).json["id"] == "a b?c#d%é"


def test_the_same_again_is_the_same_job_and_another_body_a_conflict(client: FlaskClient) -> None:
    submit(client)
    assert submit(client).status_code == 202
    detail = problem_of(submit(client, name="other"), 409)["detail"]
    assert "'j1' exists already, with another body" in detail
    assert jobs.get("j1").name == "line"


def test_the_same_again_is_the_same_job_also_when_its_cluster_is_gone(client: FlaskClient) -> None:
    submit(client)
    catalog.end_clusters("j-1")
    assert submit(client).status_code == 202


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"user": " "}, "user"),
        ({"commandCriteria": []}, "commandCriteria"),
        ({"clusterCriterias": [{"tags": []}]}, "clusterCriterias[0]"),
        ({"commandArg": []}, "commandArg"),
        ({"id": "../etc"}, "id"),
        ({"id": "a\r\nX-Evil: 1"}, "id"),
        ({"timeout": {"$gt": 0}}, "timeout"),
        ({"environment": {"GENIE_X": "1"}}, "environment.GENIE_X"),
    ],
)
def test_a_problem_names_its_field(
    client: FlaskClient, changes: dict[str, Any], field: str
) -> None:
    found = problem_of(submit(client, **changes), 412)
    assert [each["field"] for each in found["errors"]] == [field]
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b'{"id": "a", "id": "b"}', 400),
        (b'{"cpu": NaN}', 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 400),
    ],
)
def test_what_is_no_json_object_is_refused(client: FlaskClient, body: bytes, status: int) -> None:
    problem_of(client.post("/api/v3/jobs", data=body, content_type="application/json"), status)


def test_another_kind_of_body_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/v3/jobs", data=b"<x/>", content_type="application/xml")
    problem_of(answer, 415)


def test_a_request_that_no_cluster_answers_says_what_was_missed(client: FlaskClient) -> None:
    found = problem_of(submit(client, clusterCriterias=[{"tags": ["type:presto"]}]), 412)
    assert found["detail"].startswith("No clusters available")
    assert "type:presto" in json.dumps(found["rationale"])
    problem_of(submit(client, commandCriteria=["type:no"]), 412)
    problem_of(submit(client, applications=["no"]), 412)
    assert Job.objects.count() == 0


def test_a_request_whose_cluster_may_come_back_is_taken_on(client: FlaskClient) -> None:
    # Given the one cluster is drained
    cluster = catalog.get_resource("clusters", "main")
    catalog.apply([type(cluster)(**{**_parts(cluster), "status": ClusterStatus.OUT_OF_SERVICE})])
    # Then the job waits for it, as one that came by a queue does
    assert submit(client).status_code == 202


def _parts(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def test_attachments_become_the_request_s(client: FlaskClient, tmp_path: Path) -> None:
    # When a job comes with two files
    answer = submit(client, attachments=[("a.txt", b"one"), ("b c.txt", b"")])
    # Then they are in the staging area, and the request names them
    assert answer.status_code == 202
    names = jobs.get("j1").request().attachments
    assert [Path(name).name for name in names] == ["a.txt", "b c.txt"]
    assert all(name.startswith(f"{tmp_path}/staging/attachments/j1/") for name in names)
    assert [Path(name).read_bytes() for name in names] == [b"one", b""]
    # And the same again is the same job, while another content is another request
    assert submit(client, attachments=[("a.txt", b"one"), ("b c.txt", b"")]).status_code == 202
    problem_of(submit(client, attachments=[("a.txt", b"two"), ("b c.txt", b"")]), 409)
    assert Path(names[0]).read_bytes() == b"one"


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\\\b", "..", ".", " ", "a\x1bb", "x" * 221])
def test_a_file_s_name_leads_nowhere(client: FlaskClient, name: str, tmp_path: Path) -> None:
    # Given a form as it comes over the wire: no library that would mend the name
    parts = [
        f'name="request"\r\n\r\n{json.dumps(REQUEST)}',
        f'name="attachment"; filename="{name}"\r\n\r\nx',
    ]
    body = "".join(f"--x\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    form = "multipart/form-data; boundary=x"
    # When
    answer = client.post("/api/v3/jobs", data=f"{body}--x--\r\n".encode(), content_type=form)
    # Then
    found = problem_of(answer, 412)
    assert found["errors"][0]["field"] == "attachment[0]"
    assert not (tmp_path / "staging").exists()


def test_two_files_of_one_name_are_refused(client: FlaskClient) -> None:
    found = problem_of(submit(client, attachments=[("a", b"x"), ("a", b"y")]), 412)
    assert found["errors"][0]["field"] == "attachment[1]"


@pytest.mark.parametrize("job_id", ["../../x", "..", "a/b", "a\x00b", 7, {"$ne": 1}])
def test_an_id_leads_nowhere_even_with_files(
    client: FlaskClient, job_id: Any, tmp_path: Path
) -> None:
    answer = submit(client, id=job_id, attachments=[("a", b"x")])
    if job_id == 7:  # a number is taken as it was written
        assert answer.status_code == 202
        return
    problem_of(answer, 412)
    assert not (tmp_path / "staging").exists()


@pytest.mark.usefixtures("a_catalog")
def test_too_much_is_refused(make_app: Callable[..., Flask]) -> None:
    # Given small limits
    app = make_app(TAGFLEET_MAX_ATTACHMENT_BYTES="10", TAGFLEET_MAX_BODY_BYTES="1024")
    client = app.test_client()
    # Then files, and bodies, and the JSON beside files are measured
    assert submit(client, attachments=[("a", b"12345"), ("b", b"12345")]).status_code == 202
    found = problem_of(
        submit(client, id="j2", attachments=[("a", b"123456"), ("b", b"12345")]), 413
    )
    assert "TAGFLEET_MAX_ATTACHMENT_BYTES" in found["detail"]
    problem_of(submit(client, description="x" * 1000), 413)
    problem_of(submit(client, description="x" * 1000, attachments=[("a", b"")]), 413)
    problem_of(client.post("/api/v3/applications", data=b" " * 1025), 413)


def test_a_form_without_a_request_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/v3/jobs", data={"x": "y"}, content_type="multipart/form-data")
    assert "'request'" in problem_of(answer, 400)["detail"]


def test_the_request_may_be_a_plain_field_of_the_form(client: FlaskClient) -> None:
    data = {"request": json.dumps(REQUEST)}
    answer = client.post("/api/v3/jobs", data=data, content_type="multipart/form-data")
    assert answer.status_code == 202


@pytest.mark.usefixtures("a_catalog")
def test_submissions_are_switched_off_by_a_setting(make_app: Callable[..., Flask]) -> None:
    client = make_app(TAGFLEET_SUBMISSIONS="off").test_client()
    answer = submit(client)
    assert "switched off" in problem_of(answer, 503)["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/api/v3/jobs").status_code == 200


def test_no_more_jobs_are_taken_on_than_a_queue_would_take(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given room for one
    monkeypatch.setattr(backlog, "LONGEST_REQUEST_QUEUE", 1)
    monkeypatch.setattr(backlog, "_COUNT_SECONDS", 0.0)
    assert submit(client).status_code == 202
    # Then the next one is put off, and the first one is still known
    answer = submit(client, id="j2")
    assert "later" in problem_of(answer, 429)["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert submit(client).status_code == 202


def test_while_the_database_is_away_the_broker_keeps_the_job(tmp_path: Path, amqp_url: str) -> None:
    # Given a server that is connected to both
    declare(amqp_url, topology(["default"]))
    with served(tmp_path / "mongodb") as url:
        connect(url)
        environment = {"TAGFLEET_AMQP_URL": amqp_url, "TAGFLEET_STAGING_URL": str(tmp_path / "s")}
        app = create_app(Settings.from_environ(environment))
        client = app.test_client()
        assert client.get("/readyz").status_code == 200
    # When the database has gone
    answer = submit(client, attachments=[("a.txt", b"one")])
    # Then the job is taken on, while what only the database knows is not there for now
    assert answer.status_code == 202
    problem_of(client.get("/api/v3/jobs/j1"), 503)
    # And the request lies in RabbitMQ, with its file's address
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    _, properties, body = connection.channel().basic_get(group_queue("intake"), auto_ack=True)
    connection.close()
    assert properties.message_id == "j1"
    assert json.loads(body)["attachments"][0].endswith("/a.txt")
    app.extensions["tagfleet"].close()
    disconnect()
