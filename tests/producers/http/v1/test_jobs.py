"""A job's history and its place in a queue, and the states of thousands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tagfleet.models import lifecycle
from tagfleet.models.job import Job
from tagfleet.models.lifecycle import Move
from tagfleet.models.states import JobStatus
from tagfleet.producers.http.v1 import states

from ..test_submission import problem_of

Record = Callable[..., str]


def move(job_id: str, *statuses: JobStatus) -> None:
    """Let a job go from where it is through these states."""
    for status in statuses:
        before = Job.objects(id=job_id).only("status").first().status
        moved = Move(job_id=job_id, before=before, after=status, message=f"now {status}")
        assert lifecycle.advance(moved, worker="worker-1")


def test_the_history_has_each_change_in_order(client: FlaskClient, record: Record) -> None:
    """Given a job that went some way / then each step is there with its reason and its worker."""
    record()
    move("job-1", JobStatus.RESOLVED, JobStatus.ACCEPTED)

    # when
    found = client.get("/api/v1/jobs/job-1/history").json

    # then
    assert [each["status"] for each in found["history"]] == ["RESERVED", "RESOLVED", "ACCEPTED"]
    assert found["history"][-1]["worker"] == "worker-1"
    assert (found["status"], found["statusMsg"]) == ("ACCEPTED", "now ACCEPTED")
    assert (found["attempt"], found["attempts"]) == (1, [])


def test_a_job_that_waits_for_a_cluster_knows_its_place(
    client: FlaskClient, record: Record
) -> None:
    """Given three that wait for a cluster / then the last one is third, and knows why."""
    for number in range(3):
        record(f"job-{number}")
    Job.objects.update(set__queue_reason="No cluster is UP.")

    # when
    found = client.get("/api/v1/jobs/job-2/queue").json

    # then
    assert (found["waits"], found["position"], found["reason"]) == (True, 3, "No cluster is UP.")
    assert found["until"]


def test_a_job_that_was_just_recorded_has_no_place_yet(client: FlaskClient, record: Record) -> None:
    """Given a job that nobody has looked at / then it waits, without a place."""
    found = client.get(f"/api/v1/jobs/{record()}/queue").json

    assert (found["waits"], found["position"]) == (True, None)
    assert "routed" in found["reason"]


def test_a_job_that_ended_waits_for_nothing(client: FlaskClient, record: Record) -> None:
    """Given a job that was killed / then it does not wait."""
    record()
    move("job-1", JobStatus.KILLED)

    found = client.get("/api/v1/jobs/job-1/queue").json

    assert (found["waits"], found["position"], found["reason"], found["until"]) == (
        False,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("part", ["history", "queue"])
def test_of_no_job_there_is_nothing(client: FlaskClient, part: str) -> None:
    """Given no job / then 404."""
    problem_of(client.get(f"/api/v1/jobs/nobody/{part}"), 404)


def test_some_states_are_told_at_once(client: FlaskClient, record: Record) -> None:
    """Given two jobs / then both are told in the order that was asked for, and what is unknown."""
    record("a")
    record("b")
    move("b", JobStatus.KILLED)

    # when
    found = client.get("/api/v1/jobs?id=b&id=nobody&id=a&id=b").json

    # then
    assert [(each["id"], each["status"]) for each in found["jobs"]] == [
        ("b", "KILLED"),
        ("a", "RESERVED"),
    ]
    assert found["jobs"][0]["finished"]
    assert found["jobs"][1]["finished"] is None
    assert found["unknown"] == ["nobody"]


def test_thousands_of_states_are_told_at_once(client: FlaskClient, record: Record) -> None:
    """Given more ids than one query names / then each is answered."""
    record("job-0")
    record("job-2999")
    ids = [f"job-{number}" for number in range(3_000)]

    # when
    found = client.post("/api/v1/jobs/states", json=ids).json

    # then
    assert [each["id"] for each in found["jobs"]] == ["job-0", "job-2999"]
    assert len(found["unknown"]) == 2_998


def test_one_id_alone_is_enough(client: FlaskClient, record: Record) -> None:
    """Given one id / then it is a list of one."""
    assert client.get(f"/api/v1/jobs?id={record()}").json["unknown"] == []


@pytest.mark.parametrize("body", [{}, [], [1], ["x" * 256], ["x"] * (states.MOST + 1)])
def test_what_is_no_list_of_ids_is_refused(client: FlaskClient, body: object) -> None:
    """Given something else / then it is refused."""
    problem_of(client.post("/api/v1/jobs/states", json=body), 400)


def test_without_an_id_nothing_is_asked_for(client: FlaskClient) -> None:
    """Given no id / then the parameter is named."""
    found = problem_of(client.get("/api/v1/jobs"), 400)

    assert [each["field"] for each in found["errors"]] == ["id"]


def test_an_id_is_never_an_operator(client: FlaskClient, record: Record) -> None:
    """Given an id in the form of a condition / then it is the name of no job."""
    record()

    found = client.get('/api/v1/jobs?id[$ne]=x&id={"$ne":1}').json

    assert found == {"jobs": [], "unknown": ['{"$ne":1}']}
