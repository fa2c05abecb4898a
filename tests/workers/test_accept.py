"""A request becomes a job that waits for a slot, or one that says why it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagfleet.models import catalog, jobs
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.states import JobStatus
from tagfleet.workers.accept import accept, take_on
from tagfleet.workers.fleet import Fleet
from tagfleet.workers.intake import intake

from ..models.samples import a_cluster, a_command, a_request, request_data
from .samples import NotedBus, a_delivery, a_fleet


@pytest.fixture
def bus() -> NotedBus:
    return NotedBus()


@pytest.fixture
def fleet(mongodb: object, tmp_path: Path, bus: NotedBus) -> Fleet:
    catalog.apply([a_cluster(), a_command()])
    return a_fleet(tmp_path, bus, SOURCE_FOLDERS=str(tmp_path))


def test_a_request_is_recorded_routed_and_waits_for_a_slot(fleet: Fleet, bus: NotedBus) -> None:
    accept(fleet, bus, a_delivery(request_data()))
    job = jobs.get("job-1")
    assert [entry.status for entry in job.history] == [
        JobStatus.RESERVED,
        JobStatus.RESOLVED,
        JobStatus.ACCEPTED,
    ]
    assert (job.command_id, job.cluster_id, job.emr_cluster_id, job.tag_group) == (
        "spark",
        "main",
        "j-MAIN",
        "etl",
    )
    assert job.step is not None
    assert (job.step.jar, list(job.step.arguments)) == (
        "command-runner.jar",
        ["spark-submit", "report.py"],
    )
    assert job.ring_at == job.queue_until
    assert job.rationale() is not None


def test_a_second_delivery_changes_nothing(fleet: Fleet, bus: NotedBus) -> None:
    accept(fleet, bus, a_delivery(request_data()))
    accept(fleet, bus, a_delivery(request_data(), redelivered=True))
    assert len(jobs.get("job-1").history) == 3
    assert bus.dead == []


def test_an_unroutable_request_fails_with_its_rationale_and_is_finished(
    fleet: Fleet, bus: NotedBus
) -> None:
    accept(fleet, bus, a_delivery(request_data(commandCriteria=["type:presto"])))
    job = jobs.get("job-1")
    assert job.status is JobStatus.FAILED
    assert job.status_message.startswith("No command matching command criterion found")
    assert job.rationale() is not None
    assert bus.rung == [("finish", ["job-1"])]


def test_a_cluster_without_an_engine_is_a_failure_that_says_so(fleet: Fleet, bus: NotedBus) -> None:
    catalog.apply([a_cluster(engine=None)])
    accept(a_fleet(Path("/unused"), bus), bus, a_delivery(request_data()))
    assert "has no engine" in jobs.get("job-1").status_message


def test_a_missing_dependency_fails_the_job_with_the_uri(
    fleet: Fleet, bus: NotedBus, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing.jar")
    accept(fleet, bus, a_delivery(request_data(dependencies=[missing])))
    job = jobs.get("job-1")
    assert job.status is JobStatus.FAILED
    assert missing in job.status_message


def test_a_dependency_is_staged_with_its_checksum_and_the_step_is_the_run_script(
    fleet: Fleet, bus: NotedBus, tmp_path: Path
) -> None:
    library = tmp_path / "library.py"
    library.write_text("x = 1")
    accept(fleet, bus, a_delivery(request_data(dependencies=[str(library)])))
    job = jobs.get("job-1")
    assert job.status is JobStatus.ACCEPTED
    assert [file.checksum.partition(":")[0] for file in job.staged_files] == ["sha256"]
    assert Path(job.staged_files[0].target).read_text() == "x = 1"
    assert job.step is not None
    assert job.step.jar.endswith("script-runner.jar")
    assert Path(job.step.arguments[0]).read_text().startswith("#!/usr/bin/env bash")


def test_a_job_that_was_left_half_way_goes_on_where_it_was(fleet: Fleet, bus: NotedBus) -> None:
    # Given a job that was recorded by a worker that then died
    accept(fleet, bus, a_delivery(request_data(id="other")))
    jobs.record(jobs.get("other").request(), "etl", worker="w", ring_at=now(), queue_seconds=60)
    dead = jobs.get("other")
    dead.id, dead.status, dead.history = "left", JobStatus.RESERVED, dead.history[:1]
    Job._get_collection().insert_one(dead.to_mongo())
    # When the clock rings
    take_on(fleet, ["left", "unknown"])
    # Then
    assert jobs.get("left").status is JobStatus.ACCEPTED


def test_a_job_whose_end_was_asked_for_is_not_routed(fleet: Fleet, bus: NotedBus) -> None:
    jobs.record(a_request(), "etl", worker="w", ring_at=now(), queue_seconds=60)
    jobs.ask_to_kill("job-1", "typo")
    take_on(fleet, ["job-1"])
    job = jobs.get("job-1")
    assert (job.status, job.status_message) == (JobStatus.KILLED, "Killed: typo")


def test_the_intake_finds_the_tag_group(fleet: Fleet, bus: NotedBus) -> None:
    intake(fleet, bus, a_delivery(request_data(), routing_key="intake"))
    assert bus.forwarded == ["default"]


def test_the_ids_of_message_and_body_must_agree(fleet: Fleet, bus: NotedBus) -> None:
    accept(fleet, bus, a_delivery(request_data(), message_id="job-2"))
    assert "differs from the message's message_id" in bus.dead[0]


@pytest.mark.parametrize("job_id", ["a/b", "..", "a\nb", "", "x" * 300, ["a"]])
def test_an_id_that_cannot_be_one_is_a_reason_not_a_failure(
    fleet: Fleet, bus: NotedBus, job_id: object
) -> None:
    accept(fleet, bus, a_delivery(request_data(id=job_id)))
    (reason,) = bus.dead
    assert "id" in reason
    assert Job.objects.count() == 0


def test_the_messages_id_is_the_jobs_where_the_body_has_none(fleet: Fleet, bus: NotedBus) -> None:
    body = request_data()
    del body["id"]
    accept(fleet, bus, a_delivery(body, message_id="job-2"))
    assert jobs.get("job-2").status is JobStatus.ACCEPTED
