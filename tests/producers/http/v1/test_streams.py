"""What becomes of jobs, told as it happens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from tagfleet.models import jobs
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.lifecycle import Move, advance
from tagfleet.models.states import JobStatus
from tagfleet.producers.http.app import create_app
from tagfleet.producers.http.streams.sse import streams

from ..served import served
from ..test_server import ApiProcess

Record = Callable[..., str]


@pytest.fixture
def url(make_app: Callable[..., Flask]) -> Iterator[str]:
    """Where a server is on the test's database, in this process."""
    with served(make_app()) as address:
        yield address


def test_a_job_is_followed_from_its_first_change_to_its_end(url: str, record: Record) -> None:
    # Given a stream of a job that was just recorded
    record()
    events = follow(url, "/api/v1/jobs/job-1/events")
    assert told(next(events)) == ("status", "RESERVED")
    # When it is killed
    move("job-1", JobStatus.KILLED)
    # Then that is told, and the end, and the stream is over
    assert told(next(events)) == ("status", "KILLED")
    assert told(next(events)) == ("end", "KILLED")
    assert next(events, None) is None


def test_who_comes_again_is_told_what_was_missed_and_nothing_twice(
    url: str, record: Record
) -> None:
    # Given a client that has seen the first change, and another change since
    record()
    first = next(follow(url, "/api/v1/jobs/job-1/events"))
    move("job-1", JobStatus.KILLED)
    # When it comes again
    events = follow(url, "/api/v1/jobs/job-1/events", last=first["id"])
    # Then it is told the rest
    assert [told(each) for each in events] == [("status", "KILLED"), ("end", "KILLED")]


def test_of_all_jobs_only_those_asked_for_are_told(url: str, record: Record) -> None:
    # Given whoever listens for ana's jobs that were killed
    events = follow(url, "/api/v1/events?user=ana&status=KILLED")
    # When several change
    record("a", user="bo")
    record("b", user="ana")
    move("a", JobStatus.KILLED)
    move("b", JobStatus.KILLED)
    # Then only hers is told
    found = next(events)
    assert (found["event"], json.loads(found["data"])["id"]) == ("job", "b")


def test_a_log_is_followed_line_by_line(url: str, record: Record, tmp_path: Path) -> None:
    # Given a running job that has written two lines and a half
    log = a_running_job(record, tmp_path)
    log.write_bytes(b"one\ntwo\nthr")
    events = follow(url, "/api/v1/jobs/job-1/logs/stdout?tail=2&follow=1")
    # The last two lines begin with the second; the half is no line yet
    assert next(events)["data"] == "two"
    # When the rest comes, and the job ends
    log.write_bytes(b"one\ntwo\nthree\nfour")
    move("job-1", JobStatus.SUCCEEDED)
    # Then each line is told once, and the end
    rest = list(events)
    assert [each["data"] for each in rest[:-1]] == ["three", "four"]
    assert rest[-1]["event"] == "end"
    # And who comes again with the last id gets nothing twice
    again = list(follow(url, "/api/v1/jobs/job-1/logs/stdout?follow=1", last=rest[0]["id"]))
    assert [each["data"] for each in again[:-1]] == ["four"]


def test_a_log_is_read_in_parts(url: str, record: Record, tmp_path: Path) -> None:
    # Given a log of three lines
    log = a_running_job(record, tmp_path)
    log.write_bytes(b"one\ntwo\nthree\n")
    # Then its end and what is behind an offset can be read
    assert part(url, "tail=1")["text"] == "three\n"
    assert part(url, "offset=4")["text"] == "two\nthree\n"
    end = part(url, "tail=0")
    assert (end["text"], end["next"], end["goesOn"]) == ("", 14, True)
    assert part(url, "offset=4&wait=30")["text"] == "two\nthree\n"


def test_a_part_that_is_not_there_yet_is_waited_for(
    url: str, record: Record, tmp_path: Path
) -> None:
    log = a_running_job(record, tmp_path)
    log.write_bytes(b"one\n")
    assert part(url, "offset=4&wait=1")["text"] == ""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("jobs/none/events", 404),
        ("jobs/none/logs/stdout", 404),
        ("jobs/job-1/logs/etc", 404),
        ("jobs/job-1/logs/stdout?tail=-1", 400),
        ("jobs/job-1/logs/stdout?offset=x", 400),
        ("events?status=NEW", 400),
    ],
)
def test_what_cannot_be_followed_is_told_at_once(
    make_app: Callable[..., Flask], record: Record, path: str, status: int
) -> None:
    record()
    assert make_app().test_client().get(f"/api/v1/{path}").status_code == status


def test_no_more_streams_are_open_than_the_server_bears(
    make_app: Callable[..., Flask], record: Record
) -> None:
    # Given a server that bears one stream, and has it
    record()
    settings = make_app().extensions["tagfleet"].settings
    app = create_app(settings, most_streams=1)
    streams(app).take()
    client = app.test_client()
    # Then another is asked to come again, and questions are answered
    refused = client.get("/api/v1/jobs/job-1/events")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert client.get("/api/v1/jobs/job-1/history").status_code == 200
    # When it is closed, there is room
    streams(app).give_back()
    with client.get("/api/v1/jobs/job-1/events") as answer:
        assert answer.status_code == 200
    streams(app).take()


def test_open_streams_do_not_keep_a_server_from_stopping(
    tmp_path: Path, mongodb: Any, mongodb_url: str, record: Record
) -> None:
    # Given the server that serves in production, with a stream open
    server = ApiProcess(tmp_path, mongodb_url)
    record()
    events = follow(server.url, "/api/v1/jobs/job-1/events")
    next(events)
    # When it is told to stop, then it does, and the stream has an end
    assert server.stop() == 0
    assert next(events, None) is None


def follow(url: str, path: str, last: str | None = None) -> Iterator[dict[str, str]]:
    """The events of a stream; it is open when this returns."""
    headers = {"Last-Event-ID": last} if last else {}
    answer = requests.get(f"{url}{path}", headers=headers, stream=True, timeout=60)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return _events(answer)


def _events(answer: requests.Response) -> Iterator[dict[str, str]]:
    with answer:
        event: dict[str, str] = {}
        for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
            name, _, value = line.partition(": ")
            if name and line[0] != ":":
                event[name] = value
            elif not line and "data" in event:
                yield event
                event = {}


def told(event: dict[str, str]) -> tuple[str, str]:
    """An event's name, and the status that it tells."""
    return event["event"], json.loads(event["data"])["status"]


def part(url: str, query: str) -> dict[str, Any]:
    """A part of the job's stdout."""
    answer = requests.get(f"{url}/api/v1/jobs/job-1/logs/stdout?{query}", timeout=60)
    found: dict[str, Any] = answer.json()
    return found


def move(job_id: str, after: JobStatus) -> None:
    """Move a job, as a worker does."""
    found = jobs.get(job_id)
    move = Move(
        job_id=job_id,
        before=found.status,
        after=after,
        message="the test wants it",
        also={"finished": now()},
    )
    assert advance(move, worker="the test")


def a_running_job(record: Record, folder: Path) -> Path:
    """A job that runs; gives the file that its stdout is in."""
    archive = folder / "archive"
    archive.mkdir()
    record()
    Job._get_collection().update_one(
        {"_id": "job-1"},
        {
            "$set": {
                "status": str(JobStatus.RUNNING),
                "step_id": "s-1",
                "archive_location": str(archive),
                "archive_status": "ARCHIVED",
            }
        },
    )
    return archive / "stdout"
