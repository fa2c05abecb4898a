"""Who asks, and whether they may."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tagfleet.models import jobs, tokens
from tagfleet.models.job import Job
from tagfleet.models.roles import Role
from tagfleet.producers.http.security import credentials
from tagfleet.producers.http.security.roles import is_public, needed_role, view_of

from ..test_submission import REQUEST, a_catalog

__all__ = ["a_catalog"]

MakeApp = Callable[..., Flask]


@pytest.fixture
def client(make_app: MakeApp, a_catalog: None) -> FlaskClient:
    """A client of an application that asks for tokens."""
    return make_app(TAGFLEET_HTTP_AUTH="tokens").test_client()


@pytest.fixture
def proxied(make_app: MakeApp, a_catalog: None) -> FlaskClient:
    """A client of an application that believes the proxy on 10.1.0.0/16."""
    return make_app(
        TAGFLEET_HTTP_AUTH="proxy",
        TAGFLEET_HTTP_TRUSTED_PROXIES="10.1.0.0/16",
        TAGFLEET_HTTP_ROLES="*=reader,etl=submitter,platform=admin",
    ).test_client()


def test_every_view_says_who_may_call_it(make_app: MakeApp) -> None:
    # Given all that the server serves
    app = make_app()
    # Then each view needs a role, or says that it is public
    forgotten = []
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            view = view_of(app, rule.endpoint, method)
            if needed_role(view) is None and not is_public(view):
                forgotten.append(f"{method} {rule.rule}")
    assert forgotten == []


def test_only_these_are_public(make_app: MakeApp) -> None:
    app = make_app()
    found = {
        rule.rule
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if is_public(view_of(app, rule.endpoint, method))
    }
    assert found == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/openapi.json",
        "/sign-in",
        "/static/<path:filename>",
    }


@pytest.mark.parametrize("path", ["/api/v3/jobs", "/api/v3/clusters/main", "/api/v3/jobs/x/output"])
def test_without_a_token_nothing_is_told(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.mimetype == "application/problem+json"


def test_a_page_without_a_token_leads_to_where_one_can_be_given(client: FlaskClient) -> None:
    answer = client.get("/jobs?status=FAILED")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/jobs?status%3DFAILED"


@pytest.mark.parametrize("path", ["/healthz", "/api/openapi.json", "/static/console.css"])
def test_what_is_public_needs_no_token(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        assert answer.status_code == 200


def test_a_token_opens_what_its_role_may(client: FlaskClient) -> None:
    assert client.get("/api/v3/jobs", headers=bearer("ana", Role.READER)).status_code == 200


def test_a_token_is_taken_as_a_password_too(client: FlaskClient) -> None:
    # Given what Genie's client, curl -u and .netrc send
    _, token = tokens.create("ana", Role.READER, created_by="the test")
    sent = base64.b64encode(f"ana:{token}".encode()).decode()
    # Then it holds
    assert client.get("/api/v3/jobs", headers={"Authorization": f"Basic {sent}"}).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        "Bearer",
        "Bearer nonsense",
        "Basic !!",
        "Digest x",
        "Bearer tagfleet_000000000000_" + "A" * 43,
        "Bearer \u00e9",
        "bearer  ",
    ],
)
def test_what_is_no_token_is_refused(client: FlaskClient, sent: str) -> None:
    assert client.get("/api/v3/jobs", headers={"Authorization": sent}).status_code == 401


def test_a_token_with_another_secret_is_refused(client: FlaskClient) -> None:
    made, token = tokens.create("ana", Role.ADMIN, created_by="the test")
    other = f"tagfleet_{made.id}_{'B' * 43}"
    assert other != token
    assert (
        client.get("/api/v3/jobs", headers={"Authorization": f"Bearer {other}"}).status_code == 401
    )


def test_a_token_in_the_address_is_refused(client: FlaskClient) -> None:
    _, token = tokens.create("ana", Role.READER, created_by="the test")
    assert client.get(f"/api/v3/jobs?access_token={token}").status_code == 400


def test_a_revoked_token_opens_nothing(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a token that was used a moment ago, and is not remembered for any time
    monkeypatch.setattr(credentials, "KNOWN_SECONDS", 0.0)
    made, token = tokens.create("ana", Role.READER, created_by="the test")
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v3/jobs", headers=headers).status_code == 200
    # When it is revoked
    assert tokens.revoke(made.id)
    # Then it opens nothing
    assert client.get("/api/v3/jobs", headers=headers).status_code == 401


def test_an_expired_token_opens_nothing(client: FlaskClient) -> None:
    _, token = tokens.create(
        "ana", Role.READER, created_by="the test", lifetime=timedelta(microseconds=-1)
    )
    assert (
        client.get("/api/v3/jobs", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    )


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.READER, set()),
        (Role.SUBMITTER, {"submit"}),
        (Role.OPERATOR, {"submit"}),
        (Role.ADMIN, {"submit", "delete"}),
    ],
)
def test_a_role_may_do_what_it_says_and_no_more(
    client: FlaskClient, role: Role, allowed: set[str]
) -> None:
    headers = bearer("ana", role)
    answers = {
        "submit": client.post("/api/v3/jobs", json=REQUEST, headers=headers),
        "delete": client.delete("/api/v3/applications/none", headers=headers),
    }
    refused = {name for name, answer in answers.items() if answer.status_code == 403}
    assert refused == set(answers) - allowed


def test_a_job_is_its_submitters(client: FlaskClient) -> None:
    # Given a request that names no user
    asked = {name: value for name, value in REQUEST.items() if name != "user"}
    # When somebody submits it
    assert submit(client, asked, "bo", Role.SUBMITTER).status_code == 202
    # Then it is theirs
    assert jobs.get("j1").user == "bo"


def test_nobody_submits_as_somebody_else(client: FlaskClient) -> None:
    # When bo submits a job of ana's
    answer = submit(client, REQUEST, "bo", Role.SUBMITTER)
    # Then it is refused, by the field's name, and nothing is recorded
    assert answer.status_code == 403
    assert answer.json
    assert answer.json["errors"][0]["field"] == "user"
    assert Job.objects.count() == 0


def test_an_operator_may_submit_for_others(client: FlaskClient) -> None:
    assert submit(client, REQUEST, "airflow", Role.OPERATOR).status_code == 202
    assert jobs.get("j1").user == "ana"


@pytest.mark.parametrize(
    ("user", "role", "status"),
    [
        ("bo", Role.SUBMITTER, 403),
        ("ana", Role.READER, 403),
        ("ana", Role.SUBMITTER, 202),
        ("bo", Role.OPERATOR, 202),
    ],
)
def test_a_job_is_ended_by_its_user_or_an_operator(
    client: FlaskClient, user: str, role: Role, status: int
) -> None:
    submit(client, REQUEST, "ana", Role.SUBMITTER)
    assert client.delete("/api/v3/jobs/j1", headers=bearer(user, role)).status_code == status
    assert (jobs.get("j1").kill is not None) == (status == 202)


def test_who_has_ended_a_job_is_told(client: FlaskClient) -> None:
    submit(client, REQUEST, "ana", Role.SUBMITTER)
    client.delete("/api/v3/jobs/j1", headers=bearer("olga", Role.OPERATOR))
    kill = jobs.get("j1").kill
    assert kill
    assert "olga" in kill.reason


# A proxy in front.


def test_a_trusted_proxy_names_the_caller(proxied: FlaskClient) -> None:
    asked = {name: value for name, value in REQUEST.items() if name != "user"}
    answer = proxied.post(
        "/api/v3/jobs", json=asked, headers=by_proxy("bo", "etl"), environ_base=from_("10.1.2.3")
    )
    assert answer.status_code == 202
    assert jobs.get("j1").user == "bo"


def test_the_highest_of_ones_groups_holds(proxied: FlaskClient) -> None:
    for groups, status in (("", 403), ("etl", 403), ("etl, platform", 404)):
        answer = proxied.delete(
            "/api/v3/applications/none",
            headers=by_proxy("bo", groups),
            environ_base=from_("10.1.2.3"),
        )
        assert answer.status_code == status, groups


def test_headers_of_anybody_else_mean_nothing(proxied: FlaskClient) -> None:
    answer = proxied.get(
        "/api/v3/jobs", headers=by_proxy("root", "platform"), environ_base=from_("10.2.0.1")
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["mallory,ana", "a b", "x" * 300])
def test_a_name_that_is_none_is_refused(proxied: FlaskClient, name: str) -> None:
    answer = proxied.get(
        "/api/v3/jobs", headers=by_proxy(name, "etl"), environ_base=from_("10.1.2.3")
    )
    assert answer.status_code == 401


def test_a_token_means_nothing_where_only_the_proxy_is_asked(proxied: FlaskClient) -> None:
    assert proxied.get("/api/v3/jobs", headers=bearer("ana", Role.ADMIN)).status_code == 401


# Too many.


def test_who_sends_too_much_is_told_when_to_come_again(make_app: MakeApp) -> None:
    # Given one request a second, ten at once
    client = make_app(TAGFLEET_HTTP_AUTH="tokens", TAGFLEET_HTTP_RATE="1").test_client()
    headers = bearer("ana", Role.READER)
    # When eleven come
    answers = [client.get("/api/v3/jobs", headers=headers) for _ in range(11)]
    # Then the last one is refused for a second, and another caller is not
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert client.get("/api/v3/jobs", headers=bearer("bo", Role.READER)).status_code == 200


def test_who_guesses_is_slowed_down_too(make_app: MakeApp, mongodb: Any) -> None:
    client = make_app(TAGFLEET_HTTP_AUTH="tokens", TAGFLEET_HTTP_RATE="1").test_client()
    guess = {"Authorization": "Bearer nonsense"}
    codes = [client.get("/api/v3/jobs", headers=guess).status_code for _ in range(11)]
    assert codes == [401] * 10 + [429]


def bearer(user: str, role: Role) -> dict[str, str]:
    """The headers of somebody with this role."""
    _, token = tokens.create(user, role, created_by="the test")
    return {"Authorization": f"Bearer {token}"}


def submit(client: FlaskClient, asked: dict[str, Any], user: str, role: Role) -> TestResponse:
    """Submit as somebody."""
    return client.post("/api/v3/jobs", json=asked, headers=bearer(user, role))


def by_proxy(user: str, groups: str) -> dict[str, str]:
    """What a proxy says of a caller."""
    return {"X-Forwarded-User": user, "X-Forwarded-Groups": groups}


def from_(address: str) -> dict[str, str]:
    """Where a request comes from."""
    return {"REMOTE_ADDR": address}
