"""Markup in what users name: it is shown, and never run."""

from __future__ import annotations

import pytest
import requests

from .conftest import Door

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"


@pytest.fixture
def marked(door: Door) -> str:
    """A job, all of whose texts are markup."""
    answer = door.submit(
        id="marked", name=MARKUP, user=MARKUP, description=MARKUP, tags=[MARKUP], group=MARKUP,
        commandArgs=[MARKUP], environment={"A": MARKUP},
    )  # fmt: skip
    assert answer.status_code in (202, 409)
    return "marked"


@pytest.mark.parametrize(
    "path", ["/api/v3/jobs", "/api/v3/jobs/marked", "/api/v3/jobs/marked/request"]
)
def test_data_is_no_page(door: Door, marked: str, path: str) -> None:
    answer = requests.get(f"{door.url}{path}", headers={"Accept": "text/html"}, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].split(";")[0].endswith("json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/marked", "/jobs?name=%3Cscript%3Ealert(1)%3C/script%3E",
                                  "/jobs/%3Cscript%3Ealert(1)%3C/script%3E", "/%3Cscript%3Ealert(1)"])  # fmt: skip
def test_a_page_shows_markup_as_text(door: Door, marked: str, path: str) -> None:
    answer = requests.get(f"{door.url}{path}", headers={"Accept": "text/html"}, timeout=60)
    assert answer.status_code < 500
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "default-src" in answer.headers["Content-Security-Policy"]
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    assert "\"'><" not in answer.text


def test_a_text_is_no_template(door: Door, marked: str) -> None:
    assert MARKUP in requests.get(f"{door.url}/api/v3/jobs/marked", timeout=60).json()["name"]
    page = requests.get(f"{door.url}/jobs/marked", timeout=60)
    assert ">49<" not in page.text


@pytest.mark.parametrize("path", ["/api/v3/<script>alert(1)</script>", "/api/v3/jobs/<script>x"])
def test_an_error_is_no_page(door: Door, path: str) -> None:
    answer = requests.get(f"{door.url}{path}", headers={"Accept": "text/html"}, timeout=60)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_file_of_a_job_is_not_run_by_a_browser(door: Door) -> None:
    folder = door.folder / "staging" / "jobs" / "victim"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("page.html", "page.svg", "page.xhtml"):
        (folder / name).write_text(MARKUP)
        answer = requests.get(f"{door.url}/api/v3/jobs/victim/output/{name}", timeout=60)
        assert answer.status_code == 200
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in ("text/plain", "application/octet-stream")
