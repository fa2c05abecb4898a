"""Clusters, catalog, rules and dead letters in a real Chromium: read and worked with, also without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pymongo.database import Database

from tagfleet.models import canaries, catalog, jobs, rule_sets, tokens
from tagfleet.models.amqp import AmqpConnection
from tagfleet.models.database import now
from tagfleet.models.queues import topology
from tagfleet.models.roles import Role
from tagfleet.models.states import ClusterStatus
from tagfleet.workers.broker.dead_letters import dead_letter
from tagfleet.workers.broker.topology import declare

from ....models.samples import a_cluster, a_command, a_request, request_data
from ....workers.samples import a_delivery
from ..test_server import ApiProcess
from .checks import problems_of
from .test_rules_page import FILE, apply
from .test_sign_in_page import sign_in

LONG = "a-name-that-is-much-longer-than-any-phone-is-wide-" * 3


@pytest.fixture
def url(
    mongodb: Database[dict[str, Any]], mongodb_url: str, amqp_url: str, tmp_path: Path
) -> Iterator[str]:
    """A server that asks who comes; all that its pages can show is there."""
    spare = a_cluster(id="spare", name=LONG, tags=["zone:b", LONG], status="OUT_OF_SERVICE")
    lacking = a_command(id="lacking", tags=["type:other"], applications=["gone"])
    catalog.apply([a_command(), lacking, a_cluster(), spare])
    for number in range(12):
        jobs.record(
            a_request(id=f"job-{number}"), "default", worker="test", ring_at=now(), queue_seconds=60
        )
    rules = FILE.replace("cluster: old", "cluster: main")
    version = apply(rules, note="5 % for the next Spark")
    apply(rules + "# again\n", version)
    canaries.stop(str(version + 1), "spark", "30 % of its jobs failed, of the others 2 %.")
    rule_sets.report_watch(
        rule_sets.WatchReport(path="rules/", watcher="box", time=now(), problem=f"line 3: {LONG}")
    )
    declare(amqp_url, topology(["default"]))
    with AmqpConnection(amqp_url) as connection:
        delivery = a_delivery(request_data(id="dead-1", name=LONG), message_id="dead-1")
        connection.publish_all([dead_letter(delivery, f"version: missing {LONG}")])
    server = ApiProcess(
        tmp_path, mongodb_url, TAGFLEET_HTTP_AUTH="tokens", TAGFLEET_AMQP_URL=amqp_url
    )
    yield server.url
    server.stop()


def enter(tab: Page, path: str, role: Role) -> None:
    """Sign in, and go on to a page."""
    tab.goto(path)
    sign_in(tab, tokens.create("olga", role, created_by="test")[1])
    expect(tab.get_by_role("banner")).to_contain_text("olga")


def test_pages_are_accessible(open_tab: Callable[..., Page]) -> None:
    """Given a desk or a phone, light or dark / then names, headings, contrast and width are right."""
    # given
    tab = open_tab(viewport={"width": 1280, "height": 900})
    enter(tab, "/dead-letters", Role.ADMIN)
    letter = tab.locator("tbody a").first.get_attribute("href")
    paths = (
        "/clusters", "/clusters/main/drain", "/clusters/spare/resume", "/clusters/spare/tags", "/catalog",
        "/catalog/clusters", "/catalog/applications", "/catalog/commands/lacking", "/catalog/clusters/spare",
        "/rules", "/rules/1", "/rules/canaries/spark/resume", "/dead-letters", f"{letter}",
        f"{letter}/replay", f"{letter}/drop",
    )  # fmt: skip
    for path in paths:
        # when
        answer = tab.goto(path)
        assert answer
        assert answer.ok, path
        tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")

        # then
        for width in (1280, 390):
            tab.set_viewport_size({"width": width, "height": 844})
            for scheme in ("light", "dark"):
                tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                assert problems_of(tab) == [], (path, width, scheme)


def test_all_is_done_without_scripts(open_tab: Callable[..., Page]) -> None:
    """Given a browser without scripts / then tags are previewed and written, a cluster is drained, a letter replayed."""
    # given
    tab = open_tab(java_script_enabled=False, viewport={"width": 390, "height": 844})
    enter(tab, "/clusters", Role.ADMIN)

    # when
    tab.get_by_text("Edit tags of main").click()
    tab.get_by_label("Tags of main").fill("other:tag")
    tab.get_by_role("button", name="Preview").first.click()

    # then
    expect(tab.get_by_role("main")).to_contain_text("12 jobs would have no cluster to run on")
    assert catalog.get_resource("clusters", "main").tags == {"type:yarn"}

    # and when
    tab.get_by_role("button", name="Apply these tags").click()

    # then
    expect(tab).to_have_title("Clusters · tagfleet")
    assert catalog.get_resource("clusters", "main").tags == {"other:tag"}

    # and when
    tab.get_by_role("link", name="Drain main").click()
    tab.get_by_role("button", name="Drain the cluster").click()

    # then
    expect(tab.get_by_role("link", name="Resume main")).to_be_visible()
    assert catalog.get_resource("clusters", "main").status == ClusterStatus.OUT_OF_SERVICE

    # and when
    tab.get_by_role("link", name="Dead letters").click()
    tab.get_by_role("main").get_by_role("link", name="version: missing").click()
    tab.get_by_role("link", name="Replay").click()
    tab.get_by_role("checkbox", name="As a new job").check()
    tab.get_by_role("button", name="Replay the letter").click()

    # then
    expect(tab.get_by_role("heading", level=1)).to_have_text("Replayed")


def test_a_page_offers_what_its_reader_may_do(open_tab: Callable[..., Page]) -> None:
    """Given a reader, and an operator / then each is offered what they may do, and the rest is refused."""
    for role, status in ((Role.READER, {"drain": 403, "tags": 403}), (Role.OPERATOR, {"drain": 200, "tags": 403})):  # fmt: skip
        # given
        tab = open_tab(may_fail=True)

        # when
        enter(tab, "/clusters", role)

        # then
        offered = status["drain"] == 200
        expect(tab.get_by_role("link", name="Drain main")).to_have_count(int(offered))
        expect(tab.get_by_text("Edit tags")).to_have_count(0)
        for action, expected in status.items():
            answer = tab.goto(f"/clusters/main/{action}")
            assert answer
            assert answer.status == expected, (role, action)
