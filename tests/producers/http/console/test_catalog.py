"""The catalog's pages: found by words, page by page, and each entry with what belongs to it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tagfleet.models import catalog

from ....models.samples import a_cluster, a_command


@pytest.fixture
def client(make_app: Callable[..., Flask], mongodb: object) -> FlaskClient:
    """A client of the bare application; more commands than a page lists, and a cluster."""
    commands = [a_command(id=f"cmd-{number:03}", name=f"cmd-{number:03}") for number in range(101)]
    hostile = a_command(
        id="hostile",
        name="<img src=x>",
        description="<script>1</script>",
        applications=["gone"],
        clusterCriteria=[{"tags": ["<b>"]}],
    )
    catalog.apply([*commands, hostile, a_cluster()])
    return make_app().test_client()


def test_each_entry_is_on_one_page(client: FlaskClient) -> None:
    """Given more commands than a page holds / when the links to the next page are followed / then each is met once."""
    # given
    path: str | None = "/catalog?q=cmd"
    seen: list[str] = []

    # when
    while path:
        text = client.get(path).text
        seen += re.findall(r'href="/catalog/commands/(cmd-\d+)"', text)
        after = re.search(r'rel="next" href="([^"]+)"', text)
        path = after[1].replace("&amp;", "&") if after else None

    # then
    assert seen == [f"cmd-{number:03}" for number in range(101)]


def test_all_words_have_to_be_there(client: FlaskClient) -> None:
    """Given words / then an entry that has all of them is listed, in whichever field they are."""
    assert "cmd-007" in client.get("/catalog/commands?q=TYPE:spark+007").text
    assert "None of 102 commands" in client.get("/catalog/commands?q=007+nope").text
    assert "/catalog/clusters/main" in client.get("/catalog/clusters?q=yarn").text
    assert "no applications yet" in client.get("/catalog/applications").text


def test_an_entrys_page_tells_what_belongs_to_it(client: FlaskClient) -> None:
    """Given a command and a cluster that it may run on / then each leads to the other."""
    assert 'href="/catalog/clusters/main"' in client.get("/catalog/commands/cmd-001").text
    assert 'href="/catalog/commands/cmd-001"' in client.get("/catalog/clusters/main").text


def test_what_an_entry_says_stays_text(client: FlaskClient) -> None:
    """Given an entry whose texts are elements / then they are shown as they were written."""
    for path in ("/catalog?q=hostile", "/catalog/commands/hostile"):
        # when
        text = client.get(path).text

        # then
        assert "<img src=x>" not in text
        assert "<script>1" not in text
        assert "&lt;img src=x&gt;" in text
    assert "is not in the catalog" in client.get("/catalog/commands/hostile").text


def test_what_is_not_there_is_a_page(client: FlaskClient) -> None:
    """Given an address that leads nowhere / then a page says so."""
    for path, status in (
        ("/catalog/jobs", 404),
        ("/catalog/commands/none", 404),
        ("/catalog/commands?page=-1", 400),
        ("/catalog/commands?page=%D9%A3", 400),
        ("/catalog/commands?page=99999999999999999999", 400),
        ("/catalog/commands?page=9", 200),
    ):
        # when
        answer = client.get(path, headers={"Accept": "text/html"})

        # then
        assert (path, answer.status_code) == (path, status)
        assert answer.mimetype == "text/html"
