"""The end of a log as a page shows it, however it is stored."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.settings import Settings
from tagfleet.models.states import JobStatus
from tagfleet.producers.http.console import log_tail
from tagfleet.producers.http.services import Services
from tagfleet.producers.rules_in_force import RulesInMemory


@pytest.fixture
def door() -> Services:
    """What the server works with; a log needs no more than its storage."""
    settings = Settings.from_environ({})
    return Services(settings=settings, rules=RulesInMemory(settings))


def archived(folder: Path, **parts: Any) -> Job:
    """A job that has run, and whose logs are in a folder."""
    known = {"status": JobStatus.SUCCEEDED, "archive_status": "ARCHIVED", "step_id": "s-1"}
    return Job(id="a", archive_location=str(folder), created=now(), **known | parts)


def test_the_last_lines_of_a_long_log_are_shown(door: Services, tmp_path: Path) -> None:
    """Given a log of many lines / then the last ones are shown, whole."""
    # given
    lines = [f"line {number}" for number in range(100_000)]
    (tmp_path / "stdout").write_text("\n".join(lines))

    # when
    tail = log_tail.tail_of(door, archived(tmp_path), "stdout")

    # then
    assert tail.text.splitlines() == lines[-log_tail.LINES :]
    assert not tail.goes_on


def test_a_compressed_log_is_read(door: Services, tmp_path: Path) -> None:
    """Given a compressed log / then it is shown as it was written."""
    # given
    (tmp_path / "stderr.gz").write_bytes(gzip.compress("é\nlast".encode()))

    # then
    assert log_tail.tail_of(door, archived(tmp_path), "stderr").text == "é\nlast"


def test_a_compressed_log_that_is_too_long_is_left_alone(
    door: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a compressed log beyond the limit / then the page says so and reads none of it."""
    # given
    monkeypatch.setattr(log_tail, "MOST_COMPRESSED", 10)
    (tmp_path / "stdout.gz").write_bytes(gzip.compress(b"x" * 1000))

    # then
    assert "Too long" in log_tail.tail_of(door, archived(tmp_path), "stdout").text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"step_id": None}, "It never ran."),
        ({"step_id": None, "status": JobStatus.ACCEPTED}, "It has not started yet."),
        ({}, "There is no such log."),
        ({"archive_message": "gone after a week"}, "gone after a week"),
        ({"archive_status": "PENDING"}, "On its way: EMR copies logs within minutes."),
        ({"status": JobStatus.RUNNING}, "Nothing yet: EMR copies logs within minutes."),
    ],
)
def test_a_page_says_why_there_is_no_log(
    door: Services, tmp_path: Path, parts: dict[str, Any], text: str
) -> None:
    """Given a job without a log / then the reason stands in its place, and whether one may come."""
    # when
    tail = log_tail.tail_of(door, archived(tmp_path, **parts), "stdout")

    # then
    assert (tail.text, tail.why_empty) == ("", text)
    assert tail.goes_on == ("status" in parts or parts.get("archive_status") == "PENDING")
