"""Signed in with a browser, and safe from other sites."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tagfleet.models import jobs, tokens
from tagfleet.models.roles import Role

from ..test_submission import REQUEST, a_catalog

__all__ = ["a_catalog"]

MakeApp = Callable[..., Flask]


@pytest.fixture
def client(make_app: MakeApp, a_catalog: None) -> FlaskClient:
    """A browser in front of an application that asks for tokens, and has a job of ana's."""
    client = make_app(TAGFLEET_HTTP_AUTH="tokens").test_client()
    _, token = tokens.create("ana", Role.SUBMITTER, created_by="the test")
    headers = {"Authorization": f"Bearer {token}"}
    assert client.post("/api/v3/jobs", json=REQUEST, headers=headers).status_code == 202
    return client


@pytest.fixture
def open_client(make_app: MakeApp, a_catalog: None) -> FlaskClient:
    """A browser in front of an application that asks nobody."""
    client = make_app().test_client()
    assert client.post("/api/v3/jobs", json=REQUEST).status_code == 202
    return client


def test_a_token_signs_in_and_leads_where_one_wanted_to_go(client: FlaskClient) -> None:
    # When somebody signs in on the way to the jobs
    answer = sign_in(client, next="/jobs?user=ana")
    # Then they get there, and the cookie is no script's and no other site's
    assert (answer.status_code, answer.location) == (303, "/jobs?user=ana")
    (cookie,) = (each for each in answer.headers.getlist("Set-Cookie") if "session" in each)
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/jobs").status_code == 200


def test_over_https_the_cookie_is_never_sent_without(client: FlaskClient) -> None:
    answer = sign_in(client, base_url="https://localhost")
    assert all("Secure" in each for each in answer.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", "/\n/x"],
)
def test_signing_in_leads_to_no_other_site(client: FlaskClient, wanted: str) -> None:
    assert sign_in(client, next=wanted).location == "/"


def test_a_wrong_token_signs_nobody_in(client: FlaskClient) -> None:
    answer = sign_in(client, token="tagfleet_x")
    assert answer.status_code == 401
    assert "not valid" in answer.text
    assert client.get_cookie("tagfleet_session") is None


def test_a_forged_cookie_opens_nothing(client: FlaskClient) -> None:
    client.set_cookie("tagfleet_session", "tagfleet_000000000000_" + "A" * 43)
    assert client.get("/api/v3/jobs").status_code == 401


def test_signing_out_takes_the_token_from_the_browser(client: FlaskClient) -> None:
    sign_in(client)
    answer = client.post("/sign-out", data={"csrf": csrf_of(client)})
    assert answer.status_code == 303
    assert client.get_cookie("tagfleet_session") is None


def test_a_form_of_a_page_of_ours_is_taken(client: FlaskClient) -> None:
    sign_in(client)
    answer = client.post("/jobs/j1/kill", data={"csrf": csrf_of(client)})
    assert answer.status_code == 303
    assert jobs.get("j1").kill


@pytest.mark.parametrize("sent", [{}, {"csrf": ""}, {"csrf": "A" * 43}])
def test_a_form_without_its_pages_secret_is_refused(
    client: FlaskClient, sent: dict[str, str]
) -> None:
    sign_in(client)
    assert client.post("/jobs/j1/kill", data=sent).status_code == 403
    assert jobs.get("j1").kill is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_uses_neither_a_session_nor_an_open_server(
    client: FlaskClient, open_client: FlaskClient, headers: dict[str, str]
) -> None:
    sign_in(client)
    for each in (client, open_client):
        assert each.delete("/api/v3/jobs/j1", headers=headers).status_code == 403
    assert jobs.get("j1").kill is None


def test_an_open_server_answers_to_no_name_of_another(open_client: FlaskClient) -> None:
    # Given a name that somebody has made to lead here
    answer = open_client.get("/api/v3/jobs", headers={"Host": "evil.example"})
    # Then even reading is refused; under an address it is not
    assert answer.status_code == 400
    for host in ("localhost:8080", "127.0.0.1:8080", "[::1]:8080"):
        assert open_client.get("/api/v3/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v3/jobs", "/healthz", "/nothing"])
def test_answers_tell_browsers_what_they_are_for(open_client: FlaskClient, path: str) -> None:
    headers = open_client.get(path, headers={"Accept": "text/html"}).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] in ("no-referrer", "same-origin")


def sign_in(client: FlaskClient, **fields: str) -> TestResponse:
    """Sign in as ana, by the form."""
    base_url = fields.pop("base_url", "http://localhost")
    _, token = tokens.create("ana", Role.SUBMITTER, created_by="the test")
    page = client.get("/sign-in", base_url=base_url)
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found
    data = {"csrf": found[1], "token": token, **fields}
    return client.post("/sign-in", data=data, base_url=base_url)


def csrf_of(client: FlaskClient) -> str:
    """What the forms of a page send back."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/jobs/j1/kill").text)
    assert found
    return found[1]
