"""The rules' pages: those in force, earlier ones, canaries, and what a watcher of files met."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tagfleet.models import canaries, rule_sets
from tagfleet.models.database import now
from tagfleet.routing_rules.in_force import digest_of

from .forms import hidden_fields, send

FILE = """\
version: 1
queues:
  default: {}
  nightly: {max_queued: 40}
pools:
  spark:
    strategy: weighted
    targets:
      - {cluster: old, weight: 95}
      - {cluster: new, weight: 5, canary: {margin: 10, after: 20}}
limits:
  - {name: few-each, per: user, running: 3}
routes:
  # <script>alert(1)</script>
  - {name: to-default, queue: default, pool: spark}
"""


def apply(text: str, version: int = 0, note: str | None = None) -> int:
    """Put rules in force; their version."""
    texts = {str(Path("/secret/folder/fleet.yaml")): text.encode()}
    return rule_sets.put_in_force(
        texts, digest_of(texts), applied_by="olga", note=note, replaces=version
    )


@pytest.fixture
def applied(mongodb: object) -> int:
    """Rules that are in force; the number of their version."""
    return apply(FILE, note="<i>first</i>")


def test_rules_that_nobody_applied_are_shown_too(client: FlaskClient) -> None:
    """Given no rules were applied / then the built-in ones are shown, and how to apply others."""
    # when
    text = client.get("/rules").text

    # then
    assert "tagfleet rules apply" in text
    assert 'data-line="1"' in text


def test_the_page_tells_who_applied_what(client: FlaskClient, applied: int) -> None:
    """Given rules in force / then their version, who applied them, their text by lines, and what they say are there."""
    # when
    text = client.get("/rules").text

    # then
    assert f"Version {applied}" in text
    assert "olga" in text
    assert "&lt;i&gt;first&lt;/i&gt;" in text
    assert '<span id="file-1-L15" data-line="15">' in text
    assert "<script>alert" not in text
    assert "# &lt;script&gt;alert(1)" in text
    assert "3 running per user" in text
    assert "fleet.yaml" in text
    assert "/secret" not in text


def test_earlier_versions_can_be_read(client: FlaskClient, applied: int) -> None:
    """Given rules that took the place of others / then both can be read, and only one is in force."""
    # given
    second = apply(FILE.replace("40", "41"), applied)

    # then
    assert f'href="/rules/{applied}"' in client.get("/rules").text
    earlier = client.get(f"/rules/{applied}").text
    assert "Not in force" in earlier
    assert "max_queued: 40" in earlier
    assert "Not in force" not in client.get(f"/rules/{second}").text
    assert client.get("/rules/77").status_code == 404


def test_a_version_that_cannot_be_read_shows_its_text(client: FlaskClient, applied: int) -> None:
    """Given rules in a grammar that this release does not know / then their text is there, and why it is no more."""
    # given
    newer = apply("fromTheFuture: 1\n", applied)

    # when
    text = client.get(f"/rules/{newer}").text

    # then
    assert "cannot read these rules" in text
    assert "fromTheFuture: 1" in text


def test_what_a_watcher_met_is_told(client: FlaskClient, applied: int) -> None:
    """Given files that were refused / then the page says so, whose they are, and why."""
    # given
    rule_sets.report_watch(
        rule_sets.WatchReport(path="rules/", watcher="box-1", time=now(), problem="line 3: <bad>")
    )

    # when
    text = client.get("/rules").text

    # then
    assert "were refused" in text
    assert "line 3: &lt;bad&gt;" in text


def test_a_stopped_canary_goes_on_after_a_question(client: FlaskClient, applied: int) -> None:
    """Given a stopped canary / when the question is answered / then it goes on, and there is nothing to resume any more."""
    # given
    path = "/rules/canaries/spark/resume"
    canaries.stop(str(applied), "spark", "30 % failed")
    fields = hidden_fields(client.get(path), path)

    # then
    assert "30 % failed" in client.get("/rules").text
    assert "30 % failed" in client.get(path).text
    assert canaries.stopped_pools(str(applied)) == {"spark"}

    # and when
    answer = send(client, path, path)

    # then
    assert answer.status_code == 303
    assert canaries.stopped_pools(str(applied)) == frozenset()
    assert "Resumed" in client.get("/rules").text
    assert client.post(path, data=fields).status_code == 409
