"""Pages that need no browser to be judged: long lists, refused requests, headers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tagfleet.models import jobs
from tagfleet.models.database import now

from ....models.samples import a_request


@pytest.fixture
def many_jobs(mongodb: object) -> None:
    """More jobs than there is room for on two pages."""
    for number in range(101):
        asked = a_request(id=f"job-{number:03}", name=f"name-{number:03}", user="ana")
        jobs.record(asked, "default", worker="test", ring_at=now(), queue_seconds=60)


def test_all_jobs_are_on_some_page_and_on_one_only(many_jobs: None, client: FlaskClient) -> None:
    """Given more jobs than a page holds / when the links to the next page are followed / then each is met once."""
    # given
    path: str | None = "/jobs?user=ana&sort=name%2Casc"
    seen: list[str] = []

    # when
    while path:
        text = client.get(path).text
        seen += re.findall(r'href="/jobs/(job-\d+)"', text)
        after = re.search(r'rel="next" href="([^"]+)"', text)
        path = after[1].replace("&amp;", "&") if after else None

    # then
    assert seen == [f"job-{number:03}" for number in range(101)]


def test_a_form_that_is_sent_with_empty_fields_leads_to_the_short_address(
    client: FlaskClient,
) -> None:
    """Given a form whose fields are mostly empty / then its address is shortened to what is asked for."""
    # when
    answer = client.get("/jobs?name=&user=ana&tag=&status=RESERVED&page=1")

    # then
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/jobs?user=ana&status=RESERVED"


@pytest.mark.parametrize("path", ["/jobs", "/none"])
def test_pages_bear_the_headers_that_guard_them(client: FlaskClient, path: str) -> None:
    """Given a page / then only our own files run in it, nobody frames it, and nobody keeps it."""
    # when
    headers = client.get(path, headers={"Accept": "text/html"}).headers

    # then
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_a_program_is_told_of_errors_in_json(client: FlaskClient) -> None:
    """Given a client that does not ask for a page / then an error is a problem document."""
    assert client.get("/none").mimetype == "application/problem+json"
    assert client.get("/api/v3/none").mimetype == "application/problem+json"
    assert client.get("/none", headers={"Accept": "text/html"}).mimetype == "text/html"


@pytest.mark.parametrize(
    "body",
    [{}, {"commandArgs": 7, "description": ["a"], "name": None}, {"commandArgs": "x" * 200_000}],
)
def test_a_refused_request_has_a_page_whatever_was_sent(
    client: FlaskClient, mongodb: object, body: dict[str, Any]
) -> None:
    """Given a request that was refused / then its page says why, and offers no second run."""
    # given
    jobs.record_invalid("bad", "name: Missing data.", body, tag_group="default", worker="test")

    # when
    answer = client.get("/jobs/bad")

    # then
    assert answer.status_code == 200
    assert "name: Missing data." in answer.text
    assert "run-again" not in answer.text
    assert client.get("/jobs/bad/run-again").status_code == 409
    assert client.get("/jobs/bad/kill").status_code == 200
