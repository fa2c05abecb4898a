"""Clusters: drained and resumed, and their tags, which are tried out before they are written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tagfleet.models import catalog, catalog_edits, jobs
from tagfleet.models.database import now
from tagfleet.models.states import ClusterStatus

from ....models.samples import a_cluster, a_command, a_request
from .forms import hidden_fields, send

HOSTILE = "<script>alert(1)</script>"
TAGS = "/clusters/main/tags"


@pytest.fixture
def client(make_app: Callable[..., Flask], mongodb: object) -> FlaskClient:
    """A client of the bare application; two clusters, the second of which could take what the first has."""
    spare = a_cluster(
        id="spare",
        name=HOSTILE,
        tags=["zone:b"],
        engine={"type": "emr", "clusterId": "j-SPARE"},
    )
    catalog.apply([a_command(), a_cluster(), spare])
    for number in range(12):
        jobs.record(
            a_request(id=f"job-{number}", name=f"<b>{number}</b>"),
            "default",
            worker="test",
            ring_at=now(),
            queue_seconds=60,
        )
    return make_app().test_client()


def status_of(cluster_id: str = "main") -> ClusterStatus:
    """Whether it takes jobs."""
    found = catalog.get_resource("clusters", cluster_id).status
    assert isinstance(found, ClusterStatus)
    return found


def tags_of(cluster_id: str = "main") -> set[str]:
    """The tags as they are written."""
    return set(catalog.get_resource("clusters", cluster_id).tags)


def test_all_clusters_are_listed_and_their_names_stay_text(client: FlaskClient) -> None:
    """Given two clusters, one named like a script / then both are there, and nothing runs."""
    # when
    text = client.get("/clusters").text

    # then
    assert "j-MAIN" in text
    assert "j-SPARE" in text
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_cluster_is_drained_and_resumed_after_a_question(client: FlaskClient) -> None:
    """Given a cluster / when its page's question is answered / then it takes no more jobs, and again takes them."""
    # when
    asked = client.get("/clusters/main/drain")

    # then
    assert "takes no more jobs" in asked.text
    assert status_of() is ClusterStatus.UP

    # and when
    answer = send(client, "/clusters/main/drain", "/clusters/main/drain")

    # then
    assert (answer.status_code, answer.headers["Location"]) == (303, "/clusters")
    assert status_of() is ClusterStatus.OUT_OF_SERVICE

    # and when
    send(client, "/clusters/main/resume", "/clusters/main/resume")

    # then
    assert status_of() is ClusterStatus.UP


def test_one_that_was_terminated_is_not_resumed(client: FlaskClient) -> None:
    """Given a cluster that is gone for good / then it is not offered, and cannot be resumed by its address."""
    # given
    fields = hidden_fields(client.get("/clusters/main/drain"), "/clusters/main/drain")
    catalog.end_clusters("j-MAIN")

    # then
    assert "/clusters/main/resume" not in client.get("/clusters").text
    assert client.post("/clusters/main/resume", data=fields).status_code == 409
    assert status_of() is ClusterStatus.TERMINATED


def test_a_form_of_another_site_is_refused(client: FlaskClient) -> None:
    """Given no token of a page of ours, or a wrong one / then nothing is done."""
    # given
    client.get("/clusters/main/drain")
    for path in ("/clusters/main/drain", TAGS, f"{TAGS}/apply", "/rules/canaries/p/resume",
                 "/dead-letters/x/drop", "/dead-letters/x/replay"):  # fmt: skip
        for csrf in ({}, {"csrf": "x" * 43}):
            # when
            answer = client.post(path, data={"tags": "x:y", **csrf})

            # then
            assert answer.status_code == 403, path
    assert status_of() is ClusterStatus.UP
    assert tags_of() == {"type:yarn"}


def test_a_preview_tells_what_would_move_and_writes_nothing(client: FlaskClient) -> None:
    """Given jobs that wait / when a cluster is to lose the tag that they ask for / then they are shown as stranded."""
    # when
    answer = send(client, TAGS, TAGS, tags="other:tag")

    # then
    assert answer.status_code == 200
    assert "<strong>12</strong> of 12 jobs would go elsewhere" in answer.text
    assert "no cluster" in answer.text
    assert "&lt;b&gt;0&lt;/b&gt;" in answer.text
    assert "<b>0</b>" not in answer.text
    assert tags_of() == {"type:yarn"}

    # and when
    hidden = hidden_fields(answer, f"{TAGS}/apply")
    applied = client.post(f"{TAGS}/apply", data=hidden)

    # then
    assert applied.status_code == 303
    assert tags_of() == {"other:tag"}


def test_jobs_move_to_the_cluster_that_gets_their_tag(client: FlaskClient) -> None:
    """Given the tag is on both clusters / when the first is to lose it / then all jobs go to the other one."""
    # given
    fields = hidden_fields(client.get("/clusters/spare/tags"), "/clusters/spare/tags")
    client.post("/clusters/spare/tags/apply", data=fields | {"tags": "type:yarn\nzone:b"})

    # when
    text = send(client, TAGS, TAGS, tags="").text

    # then
    assert "no cluster to run on" not in text
    assert '<span class="mono">main</span> → <span class="mono">spare</span>' in text


def test_tags_that_change_nothing_have_nothing_to_apply(client: FlaskClient) -> None:
    """Given the tags that are there / then there is nothing to apply."""
    # when
    answer = send(client, TAGS, TAGS, tags=" type:yarn \n\n")

    # then
    assert "Nothing: these are the tags that it has." in answer.text
    assert f"{TAGS}/apply" not in answer.text


def test_of_two_admins_the_second_is_told(client: FlaskClient) -> None:
    """Given two admins with the same page / when both apply / then the first's tags stay, and the second's are kept in the form."""
    # given
    first = hidden_fields(send(client, TAGS, TAGS, tags="a:1"), f"{TAGS}/apply")
    second = hidden_fields(send(client, TAGS, TAGS, tags="b:2"), f"{TAGS}/apply")

    # when
    assert client.post(f"{TAGS}/apply", data=first).status_code == 303
    answer = client.post(f"{TAGS}/apply", data=second)

    # then
    assert answer.status_code == 409
    assert "Somebody else has changed this cluster" in answer.text
    assert ">\nb:2</textarea>" in answer.text
    assert tags_of() == {"a:1"}

    # and when
    preview = client.post(TAGS, data=second)

    # then
    assert preview.status_code == 409

    # and when
    mended = hidden_fields(answer, TAGS)
    client.post(f"{TAGS}/apply", data=mended | {"tags": "a:1\nb:2"})

    # then
    assert tags_of() == {"a:1", "b:2"}


def test_another_change_of_the_cluster_is_not_undone(client: FlaskClient) -> None:
    """Given tags that were looked at before the cluster was drained / then it is still drained after."""
    # given
    fields = hidden_fields(send(client, TAGS, TAGS, tags="a:1"), f"{TAGS}/apply")
    catalog.set_cluster_status("main", ClusterStatus.OUT_OF_SERVICE)

    # then
    assert client.post(f"{TAGS}/apply", data=fields).status_code == 409
    assert status_of() is ClusterStatus.OUT_OF_SERVICE


def test_what_cannot_be_a_tag_is_named(client: FlaskClient) -> None:
    """Given a tag that is too long / then the page says so, keeps what was written, and nothing is changed."""
    # given
    long = "x" * 300

    # when
    answer = send(client, TAGS, TAGS, tags=f"good:one\n{long}")

    # then
    assert answer.status_code == 400
    assert long in answer.text
    assert "good:one" in answer.text
    assert tags_of() == {"type:yarn"}


def test_a_cluster_that_is_gone_has_no_tags(client: FlaskClient) -> None:
    """Given a cluster that was deleted since its page was loaded / then the answer is that it is not there."""
    # given
    fields = hidden_fields(send(client, TAGS, TAGS, tags="a:1"), f"{TAGS}/apply")
    catalog_edits.delete("clusters", ["main"])

    # then
    assert client.post(f"{TAGS}/apply", data=fields).status_code == 404
    assert client.get("/clusters/main/drain").status_code == 404
