"""What somebody did can be read again."""

from __future__ import annotations

import pytest

from tagfleet.models import audit
from tagfleet.models.audit import Actor

pytestmark = pytest.mark.usefixtures("mongodb")


def test_what_was_done_is_told_with_what_changed() -> None:
    audit.acts(Actor("ann", "token"))
    audit.record(
        "cluster.drain", "c1",
        before={"status": "UP", "tags": ["a.b"]}, after={"status": "OUT", "tags": ["a.b"]},
    )  # fmt: skip
    (found,) = audit.list_records(subject="c1", limit=10)
    assert (found.who, found.means, found.action) == ("ann", "token", "cluster.drain")
    row = found.row()
    assert (row["before"], row["after"]) == ({"status": "UP"}, {"status": "OUT"})


def test_only_what_is_asked_for_is_told_and_no_more_than_the_limit() -> None:
    for who in ("ann", "bob", "ann"):
        audit.acts(Actor(who, "cli"))
        audit.record("job.kill", "j1")
    assert [each.who for each in audit.list_records(who="ann", limit=10)] == ["ann", "ann"]
    assert len(audit.list_records(limit=2)) == 2
    assert audit.list_records(action="cluster.drain", subject="j1", limit=10) == []
