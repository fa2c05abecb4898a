"""Log lines: what is on them, for people and for programs, and that writing one never fails."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagfleet.monitoring import logs
from tagfleet.monitoring.logs import log_context

log = logging.getLogger("tagfleet.workers.accept")

Written = Callable[[], list[str]]
Entries = Callable[[], list[dict[str, Any]]]


class Unprintable:
    """Has no text."""

    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class UnprintableError(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Reads what was written to stderr since it was read last; logging is put back as it was afterwards."""
    # pytest changes sys.stderr between a fixture and its test: this one stays.
    stderr = io.StringIO()
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stderr=stderr))
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    level = root.level

    def read() -> str:
        text = stderr.getvalue()
        stderr.seek(0)
        stderr.truncate()
        return text

    yield read
    root.setLevel(level)


@pytest.fixture
def written(read: Callable[[], str]) -> Written:
    """Reads the lines of the console style."""
    logs.configure("console", "INFO")
    return lambda: read().splitlines()


@pytest.fixture
def entries(read: Callable[[], str]) -> Entries:
    """Reads the objects of the JSON style."""
    logs.configure("json", "INFO")
    return lambda: [json.loads(line) for line in read().splitlines()]


def test_a_line_for_programs_says_when_how_important_who_and_what(entries: Entries) -> None:
    # When something is logged
    log.info("Routed.", extra={"action": "routed", "attempt": 2})
    # Then all of it is on the line
    (entry,) = entries()
    assert list(entry) == ["time", "level", "logger", "message", "action", "attempt"]
    assert entry["level"] == "INFO"
    assert entry["logger"] == "tagfleet.workers.accept"
    assert entry["message"] == "Routed."
    assert entry["attempt"] == 2


def test_the_time_is_that_of_utc(entries: Entries) -> None:
    log.info("Now.")
    time = entries()[0]["time"]
    assert time.endswith("Z")
    assert datetime.fromisoformat(time).utcoffset() == timedelta(0)


def test_a_line_for_people_is_short_and_ends_in_its_fields(written: Written) -> None:
    with log_context(job_id="j1"):
        log.warning("EMR gave no answer.", extra={"action": "unanswered"})
    (line,) = written()
    assert line[8:] == " WARNING EMR gave no answer.  [job_id=j1 action=unanswered]"


def test_an_inner_context_adds_to_the_outer_one(entries: Entries) -> None:
    # When contexts are nested
    with log_context(cluster="j-1"):
        with log_context(job_id="a"):
            log.info("inner")
        log.info("outer")
    log.info("outside")
    # Then each line has what surrounds it
    found = [{name: entry.get(name) for name in ("cluster", "job_id")} for entry in entries()]
    assert found == [
        {"cluster": "j-1", "job_id": "a"},
        {"cluster": "j-1", "job_id": None},
        {"cluster": None, "job_id": None},
    ]


def test_every_line_of_a_thread_has_the_context_of_that_thread(entries: Entries) -> None:
    # Given threads that all are within their context at the same time
    everybody_is_there = threading.Barrier(8)

    def work(job_id: str) -> None:
        with log_context(job_id=job_id):
            everybody_is_there.wait()
            for _ in range(20):
                log.info(job_id)

    threads = [threading.Thread(target=work, args=(f"job-{number}",)) for number in range(8)]
    # When they log
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Then no line has the job of another
    found = entries()
    assert len(found) == 160
    assert [entry for entry in found if entry["job_id"] != entry["message"]] == []


def test_a_library_has_the_context_too(entries: Entries) -> None:
    with log_context(job_id="j1"):
        logging.getLogger("botocore.endpoint").warning("slow")
    assert entries()[0]["job_id"] == "j1"


@pytest.mark.parametrize(
    "library", ["pika.adapters", "botocore.hooks", "dramatiq.worker", "pymongo.topology"]
)
def test_a_library_says_only_what_is_wrong(read: Callable[[], str], library: str) -> None:
    # Given a fleet whose own lines are all wanted
    logs.configure("json", "DEBUG")
    # When a library tells what it does
    logging.getLogger(library).info("connected")
    logging.getLogger(library).warning("lost")
    # Then only the trouble is written
    text = read()
    assert "connected" not in text
    assert "lost" in text


def test_what_is_less_important_than_the_level_is_left_out(read: Callable[[], str]) -> None:
    logs.configure("console", "WARNING")
    log.info("chatter")
    assert read() == ""


def test_configuring_again_writes_no_line_twice(read: Callable[[], str]) -> None:
    logs.configure("json", "INFO")
    logs.configure("json", "INFO")
    log.info("once")
    assert len(read().splitlines()) == 1


def test_a_traceback_is_one_field(entries: Entries) -> None:
    # When an error is logged
    try:
        raise KeyError("cluster")
    except KeyError:
        log.exception("Failed.")
    # Then it is still one line
    (entry,) = entries()
    assert entry["traceback"].startswith("Traceback (most recent call last):\n")
    assert entry["traceback"].endswith("KeyError: 'cluster'")


def test_secrets_are_masked_wherever_they_stand(read: Callable[[], str]) -> None:
    # Given an address with a password
    url = "amqp://tagfleet:s3cret@rabbitmq:5672"
    for style in ("console", "json"):
        logs.configure(style, "INFO")
        # When it is in the message, the arguments, a field, the context, an exception
        with log_context(broker=url):
            log.info(f"to {url}", extra={"url": url})
            log.info("to %s", url)
            try:
                raise ConnectionError(url)
            except ConnectionError:
                log.exception("Failed.", stack_info=True)
    # Then it is nowhere to be read
    text = read()
    assert "s3cret" not in text
    assert "amqp://tagfleet:***@rabbitmq:5672" in text


def test_a_name_cannot_begin_a_line_of_its_own(written: Written) -> None:
    log.info("Job ana\n12:00:00 INFO    Approved. \x1b[31m", extra={"name_of_job": "x\r\ny"})
    (line,) = written()
    assert r"ana\n12:00:00" in line
    assert r"\x1b[31m  [name_of_job=x\r\ny]" in line


@pytest.mark.parametrize("style", ["console", "json"])
def test_what_cannot_be_written_is_written_as_well_as_it_can_be(
    read: Callable[[], str], style: str
) -> None:
    # Given lines with a missing argument, an object without a text, an exception without one
    logs.configure(style, "INFO")
    log.info("%s and %s", "one")
    log.info(Unprintable(), extra={"thing": Unprintable(), "number": float("nan")})
    try:
        raise UnprintableError
    except UnprintableError:
        log.exception("Failed.")
    # Then there is a line of each, and logging itself has not failed
    text = read()
    assert "%s and %s ('one',)" in text
    assert "<Unprintable without a text: ValueError>" in text
    assert "nan" in text
    assert "UnprintableError" in text
    assert "Logging error" not in text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    message=st.text(),
    field=st.one_of(st.text(), st.floats(), st.binary(), st.none(), st.integers()),
)
def test_any_text_is_one_line_of_json(read: Callable[[], str], message: str, field: object) -> None:
    # Given logs for programs
    logs.configure("json", "INFO")
    read()
    # When anything at all is logged
    log.info(message, extra={"field": field})
    # Then it is one object that a program can read, whatever encoding stderr has
    (line,) = read().splitlines()
    assert line.isascii()
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
