"""`tagfleet dead-letters`: what cannot be used can be looked at, sent back, or dropped; never lost."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.models.samples import request_data
from tests.rabbitmq import RabbitNode
from tests.workers.broker.harness import Client, eventually, finish_body
from tests.workers.samples import a_delivery

from tagfleet.__main__ import main
from tagfleet.models import jobs
from tagfleet.models.amqp import AmqpConnection
from tagfleet.models.database import connect, now
from tagfleet.models.dead_letter_queue import DeadLetterQueue
from tagfleet.models.queues import (
    CLUSTERS_QUEUE,
    DEAD_LETTERS_QUEUE,
    FINISH_QUEUE,
    topology,
)
from tagfleet.models.schemas import load_job_request
from tagfleet.workers.broker.dead_letters import dead_letter
from tagfleet.workers.broker.topology import declare

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def client(amqp_url: str) -> Iterator[Client]:
    declare(amqp_url, topology(["etl"]))
    with Client(amqp_url) as client:
        yield client


@pytest.fixture
def run(
    amqp_url: str,
    mongodb: object,
    mongodb_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs `tagfleet dead-letters`: the exit code, what it printed, what it complained of."""
    monkeypatch.setenv("TAGFLEET_AMQP_URL", amqp_url)
    monkeypatch.setenv("TAGFLEET_MONGODB_URL", mongodb_url)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tagfleet", "dead-letters", *arguments])
        code = main()
        connect(mongodb_url)  # a command disconnects its process in the end
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def rows(run: Run, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = run(*arguments, "--output", "json")
    assert code == 0, err
    found: list[dict[str, Any]] = json.loads(out)
    return found


def keep(url: str, *letters: tuple[Any, str]) -> None:
    """Have letters kept as a worker does."""
    with AmqpConnection(url) as connection:
        for delivery, reason in letters:
            connection.publish_all([dead_letter(delivery, reason)])


def a_request(job_id: str, **changes: Any) -> Any:
    return a_delivery(request_data(id=job_id), message_id=job_id, **changes)


def test_the_list_says_what_each_letter_is_about(run, client, amqp_url):
    # Given
    keep(
        amqp_url,
        (a_request("job-1", user_id="guest", delivery_count=2), "version: missing"),
        (
            a_delivery(finish_body(["job-2"]), queue=FINISH_QUEUE, exchange="", routing_key="x"),
            "finish failed: KeyError: 'a'",
        ),
        (a_delivery(b"\xff{"), "not valid JSON"),
    )
    # When
    first, second, third = rows(run, "list")
    # Then
    assert first["id"] == rows(run, "list")[0]["id"]
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert (first["reason"], first["queue"], first["routingKey"]) == (
        "version: missing",
        "tagfleet.etl",
        "etl",
    )
    assert (first["jobId"], first["messageId"], first["user"]) == ("job-1", "job-1", "guest")
    assert first["deliveries"] == 3
    assert first["time"].startswith(str(now().year))
    assert (second["jobId"], second["queue"]) == ("job-2", FINISH_QUEUE)
    assert (third["jobId"], third["bytes"]) == (None, 2)
    code, table, _ = run("list")
    assert code == 0
    assert [line.split()[0] for line in table.splitlines()] == [
        "ID", first["id"], second["id"], third["id"],
    ]  # fmt: skip
    assert [row["id"] for row in rows(run, "list", "--reason", "keyerror")] == [second["id"]]
    assert [row["id"] for row in rows(run, "list", "--limit", "1")] == [first["id"]]


def test_letters_stay_in_their_order_however_often_they_are_looked_at(run, client, amqp_url):
    # Given
    keep(amqp_url, *((a_request(f"job-{number}"), "no") for number in range(10)))
    expected = [f"job-{number}" for number in range(10)]
    # When they are looked at more often than RabbitMQ 4 hands a message out by itself
    for _ in range(22):
        with DeadLetterQueue(amqp_url) as queue:
            assert [held.letter.job_id for held in queue.letters()] == expected
        with DeadLetterQueue(amqp_url) as queue:
            assert [held.letter.job_id for held in queue.letters(3)] == expected[:3]
    # Then another program finds them, too
    assert [p.message_id for p, _ in client.take(DEAD_LETTERS_QUEUE, 10)] == expected


def test_a_command_that_is_killed_loses_no_letter(run, client, amqp_url):
    # Given a command that holds letters
    keep(amqp_url, *((a_request(f"job-{number}"), "no") for number in range(5)))
    code = (
        "import sys; from tagfleet.models.dead_letter_queue import DeadLetterQueue\n"
        f"with DeadLetterQueue({amqp_url!r}) as queue:\n"
        "    held = list(queue.letters(3)); print('holds', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout
    assert process.stdout.readline() == b"holds\n"
    # When
    process.send_signal(signal.SIGKILL)
    process.communicate()
    # Then
    assert [row["jobId"] for row in rows(run, "list")] == [f"job-{n}" for n in range(5)]


def test_a_second_command_waits_for_the_first_and_says_so_in_the_end(
    run, client, amqp_url, monkeypatch
):
    monkeypatch.setattr("tagfleet.models.dead_letter_queue.LOCK_SECONDS", 0)
    with DeadLetterQueue(amqp_url):
        code, _, err = run("list")
    assert code == 1
    assert "Try again" in err
    assert run("list")[0] == 0


def test_show_prints_the_whole_letter(run, client, amqp_url):
    keep(amqp_url, (a_request("job-1", headers={"x-trace": 7}), "no"), (a_delivery(b"\xff"), "bad"))
    first, second = rows(run, "list")
    code, out, _ = run("show", first["id"], "-o", "json")
    assert code == 0
    shown = json.loads(out)
    assert json.loads(shown["body"])["id"] == "job-1"
    assert shown["headers"] == {"x-trace": 7}
    assert "bodyBase64" in run("show", second["id"])[1]
    code, _, err = run("show", "nothing")
    assert code == 1
    assert "dead-letters list" in err


def test_a_replayed_request_goes_back_as_it_came(run, client, amqp_url):
    # Given
    keep(
        amqp_url, (a_request("job-1", headers={"x-trace": 7, "x-death": 7}, user_id="guest"), "no")
    )
    [letter] = rows(run, "list")
    # When
    [done] = rows(run, "replay", letter["id"])
    # Then
    assert (done["result"], done["jobId"]) == ("replayed", "job-1")
    [(properties, body)] = client.take("tagfleet.etl", 1)
    assert body == a_request("job-1").body
    assert (properties.message_id, properties.content_type) == ("job-1", "application/json")
    assert properties.headers == {"x-trace": 7}
    assert rows(run, "list") == []


def test_a_replayed_message_of_the_fleets_own_work_goes_to_its_queue(run, client, amqp_url):
    body = finish_body("j-1")
    delivery = a_delivery(body, queue=CLUSTERS_QUEUE, exchange="", routing_key="x")
    keep(amqp_url, (delivery, "reconcile failed"))
    rows(run, "replay", "--all")
    assert client.take(CLUSTERS_QUEUE, 1)[0][1] == body


def test_a_request_whose_job_was_refused_is_replayed_under_a_new_id_only(run, client, amqp_url):
    # Given a job that a client may have seen as INVALID, which is final
    jobs.record_invalid("job-1", "too large", {}, tag_group="etl", worker="w")
    keep(amqp_url, (a_request("job-1"), "too large"))
    # When
    code, out, _ = run("replay", "--all", "-o", "json")
    # Then
    assert code == 1
    assert json.loads(out)[0]["result"] == "kept"
    assert "--new-id" in json.loads(out)[0]["detail"]
    # When
    [done] = rows(run, "replay", "--all", "--new-id")
    # Then it asks for another job, and nothing else has changed
    [(properties, body)] = client.take("tagfleet.etl", 1)
    assert done["jobId"] == properties.message_id == json.loads(body)["id"] != "job-1"
    assert json.loads(body) == {**request_data(), "id": done["jobId"]}


def test_a_request_that_would_only_attach_to_an_open_job_is_replayed(run, client, amqp_url):
    request = load_job_request(request_data(id="job-1"))
    jobs.record(request, "etl", worker="w", ring_at=now(), queue_seconds=60)
    keep(amqp_url, (a_request("job-1"), "no"))
    assert rows(run, "replay", "--all")[0]["result"] == "replayed"


def test_a_request_under_the_id_of_another_job_is_kept(run, client, amqp_url):
    request = load_job_request(request_data(id="job-1", name="another"))
    jobs.record(request, "etl", worker="w", ring_at=now(), queue_seconds=60)
    keep(amqp_url, (a_request("job-1"), "conflict"))
    code, out, _ = run("replay", "--all")
    assert code == 1
    assert "another request under the same id" in out
    assert len(rows(run, "list")) == 1


def test_a_letter_stays_when_its_queue_takes_nothing(run, client, amqp_url, rabbitmq: RabbitNode):
    rabbitmq.policy(amqp_url, "etl", '{"max-length": 0}')
    keep(amqp_url, *((a_request(f"job-{number}"), "no") for number in range(5)))
    code, out, _ = run("replay", "--all", "-o", "json")
    refused = [row["id"] for row in json.loads(out) if row["result"] == "kept"]
    assert code == 1
    assert refused
    assert [row["id"] for row in rows(run, "list")] == refused


@pytest.mark.parametrize("how", ["ids", "reason", "all"])
def test_letters_are_chosen_by_id_by_reason_or_all(run, client, amqp_url, how):
    # Given
    keep(amqp_url, (a_request("a"), "Bad A"), (a_request("b"), "bad b"), (a_request("c"), "fine"))
    first, second, third = (row["id"] for row in rows(run, "list"))
    # When
    chosen = {"ids": [second, first], "reason": ["--reason", "bad"], "all": ["--all"]}[how]
    dropped = rows(run, "drop", "--yes", *chosen)
    # Then
    left = [] if how == "all" else [third]
    assert [row["id"] for row in rows(run, "list")] == left
    assert {row["id"] for row in dropped} == {first, second, third} - set(left)


@pytest.mark.parametrize(
    "arguments", [["drop", "--yes"], ["replay", "x", "--all"], ["replay", "--all", "--reason", "x"]]
)
def test_what_is_chosen_must_be_said_in_one_way(run, client, arguments):
    code, _, err = run(*arguments)
    assert code == 2
    assert "--reason TEXT" in err


def test_an_id_that_no_letter_has_is_said(run, client, amqp_url):
    keep(amqp_url, (a_request("a"), "no"))
    code, _, err = run("drop", "--yes", "000000000000")
    assert code == 1
    assert "000000000000" in err
    assert len(rows(run, "list")) == 1


def test_nothing_is_dropped_where_nobody_can_be_asked(run, client, amqp_url, monkeypatch):
    keep(amqp_url, (a_request("a"), "no"))
    with open(os.devnull) as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        code, _, err = run("drop", "--all")
    assert code == 2
    assert "--yes" in err
    assert len(rows(run, "list")) == 1


@pytest.mark.parametrize(("answer", "left"), [("n", 1), ("", 1), ("y", 0)])
def test_a_drop_asks_first(run, client, amqp_url, monkeypatch, answer, left):
    # Given somebody at a terminal
    keep(amqp_url, (a_request("a"), "no"))
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "w") as keyboard, os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        keyboard.write(f"{answer}\n")
        keyboard.flush()
        # When
        code, _, err = run("drop", "--all")
    # Then
    assert "Drop 1 dead letters for good?" in err
    assert (code, len(rows(run, "list"))) == (left, left)


def test_what_rabbitmq_itself_gave_up_has_a_reason_in_words(run, client, amqp_url):
    # Given a message that was rejected by a stranger, and one that was handed out too often
    client.publish("tagfleet.requests", "etl", a_request("job-1").body, message_id="job-1")
    [method] = [client.channel.basic_get("tagfleet.etl")[0]]
    client.channel.basic_nack(method.delivery_tag, requeue=False)
    eventually(lambda: client.depth(DEAD_LETTERS_QUEUE) == 1)
    client.publish("tagfleet.requests", "etl", a_request("job-2").body, message_id="job-2")
    while client.depth(DEAD_LETTERS_QUEUE) < 2:
        if method := client.channel.basic_get("tagfleet.etl")[0]:
            client.channel.basic_nack(method.delivery_tag, requeue=True)
    # When
    rejected, exhausted = rows(run, "list")
    # Then
    assert "rejected it" in rejected["reason"]
    assert "more than 20 times" in exhausted["reason"]
    assert (exhausted["queue"], exhausted["exchange"], exhausted["routingKey"]) == (
        "tagfleet.etl",
        "tagfleet.requests",
        "etl",
    )
    assert exhausted["time"]
    # When
    rows(run, "replay", "--all")
    # Then
    sent = client.take("tagfleet.etl", 2)
    assert [properties.message_id for properties, _ in sent] == ["job-1", "job-2"]
    assert not any(properties.headers for properties, _ in sent)


def test_a_producer_cannot_name_where_its_own_letter_is_sent(run, client, amqp_url):
    # Given a message that pretends to be a letter of the fleet's own work, and dies of being rejected
    forged = {"x-tagfleet-queue": CLUSTERS_QUEUE, "x-tagfleet-reason": "please replay"}
    client.publish("tagfleet.requests", "etl", b"{}", headers=forged)
    [method] = [client.channel.basic_get("tagfleet.etl")[0]]
    client.channel.basic_nack(method.delivery_tag, requeue=False)
    eventually(lambda: client.depth(DEAD_LETTERS_QUEUE) == 1)
    # Then
    [letter] = rows(run, "list")
    assert (letter["queue"], "rejected it" in letter["reason"]) == ("tagfleet.etl", True)


def test_without_a_rabbitmq_there_are_no_dead_letters(run, monkeypatch):
    monkeypatch.delenv("TAGFLEET_AMQP_URL")
    code, _, err = run("list")
    assert code == 2
    assert "embedded mode has no RabbitMQ" in err


def test_a_rabbitmq_that_is_away_is_said(run, monkeypatch):
    monkeypatch.setenv("TAGFLEET_AMQP_URL", "amqp://guest:secret@127.0.0.1:1/")
    code, _, err = run("list")
    assert code == 3
    assert "connection refused" in err
    assert "secret" not in err


def test_a_virtual_host_without_a_fleet_is_said(run):
    code, _, err = run("list")
    assert code == 3
    assert "no worker was ever started" in err
