"""What is read from a message, and what is no event."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfleet.workers.emr_events.parse import ClusterEvent, StepEvent, Unreadable, parse
from tagfleet.workers.engines.base import StepState

from .samples import START, a_step_event, cluster_body, event, step_body


def test_a_step_event_says_which_step_is_where_and_since_when() -> None:
    found = a_step_event("RUNNING", "s-7")
    assert found.cluster_id == "j-MAIN"
    report = found.report
    assert (report.step_id, report.name, report.state) == (
        "s-7",
        "job-1.1 daily",
        StepState.RUNNING,
    )
    assert (report.started, report.ended) == (START, None)


def test_an_end_says_when_it_was() -> None:
    report = a_step_event("COMPLETED").report
    assert (report.started, report.ended, report.failure) == (None, START, None)


def test_a_failure_bears_the_reason_that_emr_gives() -> None:
    assert a_step_event("FAILED", message="Out of disk.").report.failure == "Out of disk."


def test_that_a_step_failed_is_no_reason_why_it_did() -> None:
    # Given the message of AWS's own example
    message = (
        "Step s-ZYXWVUTSRQPON (Custom (JAR)) in Amazon EMR cluster j-123456789ABCD"
        " (Development Cluster) failed at 2016-12-16 20:53 UTC."
    )
    # Then the logs are left to say more
    assert a_step_event("FAILED", message=message).report.failure is None


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        ("WAITING", False),
        ("TERMINATING", True),
        ("TERMINATED", True),
        ("TERMINATED_WITH_ERRORS", True),
    ],
)
def test_a_cluster_event_says_whether_the_cluster_ends(state: str, ends: bool) -> None:
    found = parse(cluster_body(state))
    assert isinstance(found, ClusterEvent)
    assert (found.cluster_id, found.ends) == ("j-MAIN", ends)


def test_an_event_that_comes_by_a_topic_of_sns_is_the_same() -> None:
    wrapped = json.dumps({"Type": "Notification", "Message": step_body("PENDING")})
    assert parse(wrapped) == parse(step_body("PENDING"))


def test_a_time_without_a_zone_is_utc() -> None:
    body = json.loads(step_body("RUNNING")) | {"time": "2026-01-01T10:00:00"}
    found = parse(json.dumps(body))
    assert isinstance(found, StepEvent)
    assert found.report.started == datetime(2026, 1, 1, 10, tzinfo=UTC)


def test_an_event_of_another_kind_is_passed_over() -> None:
    assert parse(json.dumps(event("EMR Instance Group State Change", {}))) is None


STEP: dict[str, Any] = json.loads(step_body("RUNNING"))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no JSON object"),
        ("{}", "no detail-type"),
        ('{"Type": "Notification"}', "Message is no text"),
        (json.dumps(STEP | {"detail": None}), "no detail"),
        (json.dumps(STEP | {"time": "yesterday"}), "its time 'yesterday' is none"),
        (step_body("NAPPING"), "'NAPPING' is none of a step's"),
        (step_body("RUNNING", step_id=""), "no stepId"),
        (step_body("RUNNING", clusterId={"$gt": ""}), "no clusterId"),
        (step_body("RUNNING", name="\ud800"), "half a character"),
    ],
)
def test_what_is_no_event_is_told_with_the_reason(body: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why.replace("$", r"\$")):
        parse(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["detail-type", "time", "detail", "Type", "Message"]), JSON),
    st.dictionaries(st.sampled_from(["stepId", "name", "clusterId", "state", "message"]), JSON),
)
def test_whatever_comes_is_an_event_or_told_to_be_none(
    changes: dict[str, Any], details: dict[str, Any]
) -> None:
    # Given an event in which anything may stand anywhere
    body = STEP | {"detail": STEP["detail"] | details} | changes
    # Then it is read, or refused, by no other error
    found = None
    with suppress(Unreadable):
        found = parse(json.dumps(body))
    # And what was read can be asked for, and kept
    if isinstance(found, StepEvent):
        found.report.name.encode()
        (found.report.failure or "").encode()
