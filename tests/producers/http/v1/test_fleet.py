"""The overview and the rules in force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask.testing import FlaskClient

from tagfleet.producers.applying import Candidate, apply

from ..test_admission import RULES


def test_the_overview_has_jobs_clusters_and_what_waits(
    client: FlaskClient, record: Callable[..., str]
) -> None:
    """Given two jobs that wait / then they are counted, and their reason is told."""
    record("a", "etl")
    record("b", "etl")

    # when
    found = client.get("/api/v1/overview").json

    # then
    assert found["tagGroups"] == {"etl": {"RESERVED": 2}}
    assert (found["statuses"]["RESERVED"], found["statuses"]["RUNNING"]) == (2, 0)
    (cluster,) = found["clusters"]
    assert (cluster["id"], cluster["slots"], cluster["slotsUsed"]) == ("main", 2, 0)
    assert (cluster["status"], cluster["health"]) == ("UP", "ok")
    (waiting,) = found["waiting"]
    assert (waiting["status"], waiting["jobs"]) == ("RESERVED", 2)
    assert found["leader"] is None
    assert found["time"].endswith("Z")
    assert waiting["oldest"].endswith("Z")


def test_the_built_in_rules_are_shown_where_none_were_applied(client: FlaskClient) -> None:
    """Given no rules of an admin's / then the built-in ones are there, without a version."""
    found = client.get("/api/v1/rules").json

    assert (sorted(found["tagGroups"]), found["version"]) == (["adhoc", "default", "sla"], None)
    assert [each["name"] for each in found["files"]] == ["default.yaml"]


def test_applied_rules_are_shown_at_once(client: FlaskClient, tmp_path: Path) -> None:
    """Given rules that were applied just now / then they are shown, with who applied them."""
    # given
    client.get("/api/v1/rules")
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    apply(Candidate.read(path), applied_by="ana", note="more")

    # when
    found = client.get("/api/v1/rules").json

    # then
    assert (found["version"], found["appliedBy"], found["note"]) == (1, "ana", "more")
    assert (found["tagGroups"], found["routes"]) == (["etl"], ["named"])
    assert (found["limits"], found["deny"]) == (["one-open", "rate", "wait"], ["no-bots"])
    assert [each["text"] for each in found["files"]] == [RULES]
    assert all("/" not in each["name"] for each in found["files"])
