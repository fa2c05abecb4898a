"""How a job is recorded, found and shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tagfleet.models import jobs
from tagfleet.models.database import now
from tagfleet.models.errors import JobConflict, JobNotFound
from tagfleet.models.job_view import dump
from tagfleet.models.lifecycle import Move, advance
from tagfleet.models.states import JobStatus

from .samples import a_request

pytestmark = pytest.mark.usefixtures("mongodb")


def record(**changes: object) -> bool:
    return jobs.record(
        a_request(**changes),
        "default",
        worker="w",
        ring_at=now() + timedelta(hours=1),
        queue_seconds=60,
    )


def test_a_request_is_recorded_as_a_reserved_job_with_history() -> None:
    # Given / when
    assert record()
    # Then
    job = jobs.get("job-1")
    assert (job.status, job.user, job.tag_group) == (JobStatus.RESERVED, "ana", "default")
    assert [entry.status for entry in job.history] == [JobStatus.RESERVED]
    assert job.request() == a_request()


def test_the_same_request_under_the_same_id_changes_nothing() -> None:
    record()
    assert not record()
    assert len(jobs.find()) == 1


def test_another_body_under_the_same_id_is_a_conflict_and_leaves_the_first_job_alone() -> None:
    record()
    with pytest.raises(JobConflict, match="job-1"):
        record(commandArgs=["other.py"])
    assert jobs.get("job-1").request().command_args == ("report.py",)


def test_a_refused_request_can_be_read_back_with_its_reason() -> None:
    jobs.record_invalid(
        "job-9", "user: Missing", {"name": "x", "user": ["no"]}, tag_group="etl", worker="w"
    )
    job = jobs.get("job-9")
    assert (job.status, job.status_message, job.name, job.user) == (
        JobStatus.INVALID,
        "user: Missing",
        "x",
        "unknown",
    )
    assert job.finished is not None
    assert dump(job)["statusMsg"] == "user: Missing"


def test_a_refused_request_never_overwrites_a_job() -> None:
    record()
    jobs.record_invalid("job-1", "bad", {}, tag_group="etl", worker="w")
    assert jobs.get("job-1").status is JobStatus.RESERVED


def test_an_unknown_job_is_an_error_that_names_it() -> None:
    with pytest.raises(JobNotFound, match="'nope'"):
        jobs.get("nope")


def test_jobs_are_found_by_status_user_and_tag_newest_first() -> None:
    record(id="a", user="ana", tags=["team:x"])
    record(id="b", user="bo", tags=["team:x"])
    record(id="c", user="ana")
    assert [job.id for job in jobs.find(limit=2)] == ["c", "b"]
    assert [job.id for job in jobs.find(user="ana")] == ["c", "a"]
    assert [job.id for job in jobs.find(tag="team:x")] == ["b", "a"]
    assert jobs.find(status=JobStatus.FAILED) == []


def test_metadata_with_mongodb_operators_in_its_keys_survives() -> None:
    record(metadata={"$where": {"a.b": 1}})
    assert dump(jobs.get("job-1"))["metadata"] == {"$where": {"a.b": 1}}


def test_a_kill_is_noted_once_and_wakes_the_clock_for_a_job_that_is_on_no_cluster() -> None:
    record()
    assert jobs.ask_to_kill("job-1", "typo")
    assert not jobs.ask_to_kill("job-1", "again")
    job = jobs.get("job-1")
    assert job.kill is not None
    assert job.kill.reason == "typo"
    assert job.ring_at is not None
    assert job.ring_at <= now()


def test_a_job_that_has_ended_cannot_be_killed() -> None:
    record()
    advance(
        Move(job_id="job-1", before=JobStatus.RESERVED, after=JobStatus.FAILED, message="no"),
        worker="w",
    )
    assert not jobs.ask_to_kill("job-1", "late")


def test_a_job_is_shown_in_genies_names_with_its_own_tags() -> None:
    record(tags=["team:x"], grouping="g")
    shown = dump(jobs.get("job-1"))
    assert shown["tags"] == ["genie.id:job-1", "genie.name:daily-report", "team:x"]
    assert (shown["statusMsg"], shown["grouping"], shown["runtime"]) == ("Recorded.", "g", "PT0S")
    assert shown["created"].endswith("Z")
