"""A job's files: from the archive and from where EMR left them, whole and in ranges, and nothing else."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tagfleet.models import jobs
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.schemas import load_job_request
from tagfleet.producers.http import job_files

from .test_submission import REQUEST, problem_of

OUTPUT = "/api/v3/jobs/j1/output"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that the stores of the test are in."""
    return tmp_path


@pytest.fixture
def job(mongodb: Any, folder: Path) -> Callable[..., Job]:
    """Records a job, with what else it is to have."""

    def make(**also: Any) -> Job:
        request = load_job_request(REQUEST)
        jobs.record(request, "default", worker="test", ring_at=now(), queue_seconds=60)
        changes = {"status": "SUCCEEDED", "step_id": "s-1", "emr_cluster_id": "j-1", **also}
        Job._get_collection().update_one({"_id": "j1"}, {"$set": changes})
        return jobs.get("j1")

    return make


def archived(folder: Path, **logs: bytes) -> dict[str, Any]:
    """What a job has whose logs, by stream, are in the archive."""
    (folder / "archive" / "j1").mkdir(parents=True, exist_ok=True)
    for stream, content in logs.items():
        (folder / "archive" / "j1" / f"{stream}.gz").write_bytes(gzip.compress(content))
    return {"archive_status": "ARCHIVED", "archive_location": str(folder / "archive" / "j1")}


def names(client: FlaskClient, path: str = "") -> list[str]:
    """The names in a folder of the job; those of folders end with a slash."""
    body = client.get(f"{OUTPUT}{path}").json
    return [each["name"] for part in ("directories", "files") for each in body[part]]


def test_the_archive_is_listed_and_read(
    client: FlaskClient, job: Callable[..., Job], folder: Path
) -> None:
    job(**archived(folder, stdout=b"out\n", stderr=b"", controller=b"begun\n"))
    assert names(client) == ["genie/", "stderr", "stdout"]
    assert names(client, "/genie") == names(client, "/genie/") == ["logs/"]
    assert names(client, "/genie/logs") == ["genie.log"]
    listed = client.get(OUTPUT).json["files"][1]
    assert (listed["size"], listed["lastModified"][-1]) == (4, "Z")
    assert client.get(listed["url"]).text == "out\n"
    assert client.get(f"{OUTPUT}/genie/logs/genie.log").text == "begun\n"
    parent = client.get(f"{OUTPUT}/genie/logs/").json["parent"]
    assert parent["url"].endswith("/api/v3/jobs/j1/output/genie/")


def test_what_is_not_archived_is_read_where_emr_left_it(
    client: FlaskClient, job: Callable[..., Job], folder: Path
) -> None:
    # Given a long log in parts, as EMR turns them over
    logs = folder / "emr" / "j-1" / "steps" / "s-1"
    logs.mkdir(parents=True)
    for name, content in {
        "stdout.2026-11-23-07.gz": b"first\n",
        "stdout.2026-11-23-08.gz": b"second\n",
        "stdout.gz": b"last\n",
    }.items():
        (logs / name).write_bytes(gzip.compress(content))
    engine = {"cluster_id": "j-1", "step_concurrency": 1, "log_uri": str(folder / "emr")}
    # When the job's end is known, and its archive is not there or never will be
    job(engine=engine, archive_status="DISABLED")
    # Then the parts are one file, in their order
    assert client.get(f"{OUTPUT}/stdout").text == "first\nsecond\nlast\n"
    assert client.get(OUTPUT).json["files"][0]["size"] == 18


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("0-3", 0, 4), ("4-", 4, 10), ("-3", 7, 10), ("-99", 0, 10), ("8-99", 8, 10), ("9-9", 9, 10)],
)
def test_a_range_is_answered_by_its_part(
    client: FlaskClient, job: Callable[..., Job], folder: Path, asked: str, begin: int, end: int
) -> None:
    job(**archived(folder, stdout=b"0123456789"))
    answer = client.get(f"{OUTPUT}/stdout", headers={"Range": f"bytes={asked}"})
    assert (answer.status_code, answer.data) == (206, b"0123456789"[begin:end])
    assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/10"
    assert int(answer.headers["Content-Length"]) == end - begin


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100"])
def test_a_range_behind_the_end_is_refused(
    client: FlaskClient, job: Callable[..., Job], folder: Path, asked: str
) -> None:
    job(**archived(folder, stdout=b"0123456789", stderr=b""))
    answer = client.get(f"{OUTPUT}/stdout", headers={"Range": asked})
    problem_of(answer, 416)
    assert answer.headers["Content-Range"] == "bytes */10"
    problem_of(client.get(f"{OUTPUT}/stderr", headers={"Range": "bytes=0-"}), 416)


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "x"])
def test_what_is_no_single_range_of_bytes_is_answered_whole(
    client: FlaskClient, job: Callable[..., Job], folder: Path, asked: str
) -> None:
    job(**archived(folder, stdout=b"0123456789"))
    answer = client.get(f"{OUTPUT}/stdout", headers={"Range": asked})
    assert (answer.status_code, answer.data) == (200, b"0123456789")
    assert "Content-Range" not in answer.headers


def test_the_head_of_a_file_tells_its_length(
    client: FlaskClient, job: Callable[..., Job], folder: Path
) -> None:
    job(**archived(folder, stdout=b"0123456789"))
    answer = client.head(f"{OUTPUT}/stdout")
    assert (answer.headers["Content-Length"], answer.data) == ("10", b"")


def test_a_running_job_has_empty_logs_and_its_staged_files(
    client: FlaskClient, job: Callable[..., Job], folder: Path
) -> None:
    # Given a job on its cluster, whose folder in the staging area has a script and a file
    staged = folder / "staging" / "jobs" / "j1"
    (staged / "genie" / "command" / "bash").mkdir(parents=True)
    (staged / "run").write_text("#!/bin/bash\n")
    (staged / "genie" / "command" / "bash" / "genie_setup.sh").write_text("true\n")
    job(status="RUNNING")
    assert names(client) == ["genie/", "run", "stderr", "stdout"]
    assert client.get(f"{OUTPUT}/run").text == "#!/bin/bash\n"
    assert client.get(f"{OUTPUT}/genie/command/bash/genie_setup.sh").text == "true\n"
    assert client.get(f"{OUTPUT}/stdout").data == b""


@pytest.mark.parametrize(
    "path",
    [
        "../../../secret",
        "..%2f..%2fsecret",
        "%2e%2e/%2e%2e/secret",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "genie/../../../secret",
        "stdout/../../secret",
        "..\\\\secret",
        "%00",
        "stdout%00",
        "stdout.gz",
        "link",
    ],
)
def test_no_path_leads_out_of_the_job_s_folder(
    client: FlaskClient, job: Callable[..., Job], folder: Path, path: str
) -> None:
    # Given a secret beside the job's files, and a link to it among them
    (folder / "secret").write_text("treasure")
    staged = folder / "staging" / "jobs" / "j1"
    staged.mkdir(parents=True)
    (staged / "link").symlink_to(folder / "secret")
    job(**archived(folder, stdout=b"out"))
    # Then it cannot be read
    answer = client.get(f"{OUTPUT}/{path}")
    assert answer.status_code in (404, 308)
    assert b"treasure" not in answer.data


def test_no_browser_runs_what_a_job_has_made(
    client: FlaskClient, job: Callable[..., Job], folder: Path
) -> None:
    staged = folder / "staging" / "jobs" / "j1"
    staged.mkdir(parents=True)
    for name in ("page.html", "picture.svg", "data.bin", "query.sql"):
        (staged / name).write_text("<script>alert(1)</script>")
    job(**archived(folder))
    types = {}
    for name in ("page.html", "picture.svg", "data.bin", "query.sql"):
        answer = client.get(f"{OUTPUT}/{name}")
        types[name] = answer.mimetype
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert set(types.values()) == {"text/plain", "application/octet-stream"}
    assert types["query.sql"] == "text/plain"


def test_logs_that_are_on_their_way_are_waited_for(
    client: FlaskClient, job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job that has just ended
    monkeypatch.setattr(job_files, "WAIT_SECONDS", 0.0)
    job(archive_status="PENDING")
    # Then a client is told to come again
    answer = client.get(f"{OUTPUT}/stdout")
    assert "not there yet" in problem_of(answer, 503)["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    # And once it is known that they never come, why
    Job._get_collection().update_one(
        {"_id": "j1"}, {"$set": {"archive_status": "FAILED", "archive_message": "no logUri"}}
    )
    assert "no logUri" in problem_of(client.get(f"{OUTPUT}/stdout"), 404)["detail"]


def test_logs_are_read_from_emr_before_they_are_archived(
    client: FlaskClient, job: Callable[..., Job], folder: Path
) -> None:
    # Given a job that has just ended, whose logs are not there
    engine = {"cluster_id": "j-1", "step_concurrency": 1, "log_uri": str(folder / "emr")}
    job(engine=engine)
    answers: list[str] = []
    reader = threading.Thread(
        target=lambda: answers.append(client.get(f"{OUTPUT}/stdout", buffered=True).text)
    )
    # When somebody asks for them, and EMR copies them then
    reader.start()
    logs = folder / "emr" / "j-1" / "steps" / "s-1"
    logs.mkdir(parents=True)
    (logs / "stdout.gz").write_bytes(gzip.compress(b"out\n"))
    reader.join(60)
    # Then they are answered
    assert answers == ["out\n"]


def test_a_job_without_a_step_says_why_in_a_file(
    client: FlaskClient, job: Callable[..., Job]
) -> None:
    job(status="FAILED", step_id=None, status_message="No cluster.", archive_status="NONE")
    assert names(client) == ["initFailureDetails.txt"]
    assert client.get(f"{OUTPUT}/initFailureDetails.txt").text == "No cluster.\n"


def test_a_refused_message_can_be_read_back(client: FlaskClient, mongodb: Any) -> None:
    # Given a message on a queue that was no request
    body = {"id": "bad", "name": "x", "timeout": {"$gt": 1}}
    jobs.record_invalid("bad", "timeout: wrong", body, tag_group="default", worker="test")
    # Then its job is there, with what was sent
    found = client.get("/api/v3/jobs/bad").json
    assert (found["status"], found["statusMsg"]) == ("INVALID", "timeout: wrong")
    assert client.get("/api/v3/jobs/bad/request").json["timeout"] == {"$gt": 1}
    assert client.get("/api/v3/jobs").json["page"]["totalElements"] == 1
    assert client.get("/api/v3/jobs/bad/output/initFailureDetails.txt").text == "timeout: wrong\n"
    problem_of(client.get("/api/v3/jobs/bad/cluster"), 404)
    # And what cannot be shown as a request is told so
    Job._get_collection().update_one({"_id": "bad"}, {"$set": {"request_json": "{cut o"}})
    problem_of(client.get("/api/v3/jobs/bad/request"), 404)


def test_criteria_are_shown_as_they_can_be_said_in_v3(
    make_app: Callable[..., Flask], mongodb: Any
) -> None:
    # Given a request with criteria that tags can say, and one that they cannot
    def record(job_id: str, **criteria: Any) -> Any:
        body = {name: value for name, value in REQUEST.items() if "Criteria" not in name}
        request = load_job_request({**body, "id": job_id, **criteria})
        jobs.record(request, "default", worker="test", ring_at=now(), queue_seconds=60)
        return make_app().test_client().get(f"/api/v3/jobs/{job_id}/request").json

    said = record(
        "j1", commandCriterion={"id": "c"}, clusterCriteria=[{"name": "k", "tags": ["t"]}]
    )
    assert said["commandCriteria"] == ["genie.id:c"]
    assert said["clusterCriterias"] == [{"tags": ["genie.name:k", "t"]}]
    kept = record("j2", commandCriterion={"version": "3"}, clusterCriteria=[{"status": "UP"}])
    assert kept["commandCriterion"] == {"version": "3", "tags": []}
    assert kept["clusterCriteria"] == [{"status": "UP", "tags": []}]
