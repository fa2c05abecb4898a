"""Who signs in sees what they may do, and nothing before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pymongo.database import Database

from tagfleet.models import jobs, tokens
from tagfleet.models.database import now
from tagfleet.models.roles import Role

from ....models.samples import a_request
from ..test_server import ApiProcess
from .checks import problems_of


@pytest.fixture
def url(mongodb: Database[dict[str, Any]], mongodb_url: str, tmp_path: Path) -> Iterator[str]:
    """A server that asks who comes, with a job of ana's."""
    jobs.record(
        a_request(id="of-ana", user="ana"),
        "default",
        worker="test",
        ring_at=now(),
        queue_seconds=60,
    )
    server = ApiProcess(tmp_path, mongodb_url, TAGFLEET_HTTP_AUTH="tokens")
    yield server.url
    server.stop()


def a_token(user: str, role: Role) -> str:
    """A token of a user."""
    return tokens.create(user, role, created_by="test")[1]


def sign_in(tab: Page, token: str) -> None:
    """Fill in the form."""
    tab.get_by_label("Token").fill(token)
    tab.get_by_role("button", name="Sign in").click()


def test_who_signs_in_goes_on_where_they_wanted_to_go(
    open_tab: Callable[..., Page], mongodb: object
) -> None:
    """Given nobody is signed in / when a page is asked for / then the form comes first, and then that page."""
    # given
    tab = open_tab(may_fail=True)

    # when
    tab.goto("/jobs?user=ana")

    # then
    expect(tab).to_have_title("Sign in · tagfleet")
    assert problems_of(tab) == []

    # and when
    sign_in(tab, "tf_wrong")

    # then
    expect(tab.get_by_role("alert")).to_contain_text("not valid")
    assert problems_of(tab) == []

    # and when
    sign_in(tab, a_token("ana", Role.SUBMITTER))

    # then
    expect(tab).to_have_url(re.compile(r"/jobs\?user=ana$"))
    expect(tab.get_by_role("banner")).to_contain_text("ana")
    assert problems_of(tab) == []

    # and when
    tab.get_by_role("button", name="Sign out").click()
    tab.goto("/jobs")

    # then
    expect(tab).to_have_title("Sign in · tagfleet")


def test_a_page_offers_what_its_reader_may_do(
    open_tab: Callable[..., Page], mongodb: object
) -> None:
    """Given a job of ana's / then only she and operators are offered to kill it, and only they can."""
    for user, role, may in (
        ("ana", Role.READER, False),
        ("bob", Role.SUBMITTER, False),
        ("ana", Role.SUBMITTER, True),
        ("olga", Role.OPERATOR, True),
    ):
        # given
        tab = open_tab(may_fail=True)
        tab.goto("/jobs/of-ana")

        # when
        sign_in(tab, a_token(user, role))

        # then
        expect(tab.get_by_role("heading", level=1)).to_be_visible()
        expect(tab.get_by_role("link", name="Kill")).to_have_count(int(may))
        if not may:
            assert refused_to_kill(tab), (user, role)

    # and when
    tab.get_by_role("link", name="Kill").click()
    tab.get_by_role("button", name="Kill the job").click()

    # then
    expect(tab.locator("#job-notices")).to_contain_text("asked for over HTTP by olga")


def refused_to_kill(tab: Page) -> bool:
    """Try it by the page itself, as if the link were there."""
    tab.goto("/jobs/of-ana/kill")
    button = tab.get_by_role("button", name="Kill the job")
    if button.count():
        button.click()
    expect(tab).to_have_title("Forbidden · tagfleet")
    return jobs.get("of-ana").kill is None
