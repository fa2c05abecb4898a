"""Dead letters' pages, on a real RabbitMQ: listed, shown, sent back, dropped."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tagfleet.models import jobs
from tagfleet.models.amqp import AmqpConnection
from tagfleet.models.queues import topology
from tagfleet.workers.broker.dead_letters import dead_letter
from tagfleet.workers.broker.topology import declare

from ....models.samples import request_data
from ....workers.samples import a_delivery
from .forms import send


@pytest.fixture
def letters(make_app: Callable[..., Flask], amqp_url: str) -> FlaskClient:
    """A client of an application that has a RabbitMQ, with two dead letters."""
    declare(amqp_url, topology(["default"]))
    with AmqpConnection(amqp_url) as connection:
        for number, reason in enumerate(("version: <b>missing</b>", "Nobody knows.")):
            body = request_data(id=f"job-{number}", name="<script>alert(1)</script>")
            delivery = a_delivery(body, message_id=f"job-{number}")
            connection.publish_all([dead_letter(delivery, reason)])
    return make_app(TAGFLEET_AMQP_URL=amqp_url).test_client()


def paths_of(client: FlaskClient, query: str = "") -> list[str]:
    """The addresses of the letters that are listed."""
    return re.findall(r'href="(/dead-letters/[0-9a-f]+)"', client.get(f"/dead-letters{query}").text)


def test_letters_are_listed_and_shown_as_text(letters: FlaskClient) -> None:
    """Given two letters with elements in them / then both are there with what they hold, and nothing of it runs."""
    # when
    first, second = paths_of(letters)
    listed, shown = letters.get("/dead-letters").text, letters.get(first).text

    # then
    assert "version: &lt;b&gt;missing&lt;/b&gt;" in listed
    assert "job-0" in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in listed + shown
    assert paths_of(letters, "?reason=NOBODY") == [second]
    assert "No reason has this text." in letters.get("/dead-letters?reason=other").text


def test_a_letter_is_sent_back_or_dropped_after_a_question(letters: FlaskClient) -> None:
    """Given two letters / when one is replayed and one dropped / then each page says so, and none is left."""
    # given
    first, second = paths_of(letters)

    # when
    replayed = send(letters, f"{first}/replay", f"{first}/replay")
    dropped = send(letters, f"{second}/drop", f"{second}/drop")

    # then
    assert (replayed.status_code, dropped.status_code) == (200, 200)
    assert "Replayed" in replayed.text
    assert "/jobs?id=job-0" in replayed.text
    assert "Dropped" in dropped.text
    assert paths_of(letters) == []
    for path in (first, f"{first}/replay", f"{second}/drop"):
        assert letters.get(path).status_code == 404


def test_one_that_would_not_run_is_kept_and_goes_as_a_new_job(letters: FlaskClient) -> None:
    """Given a job of the letter's id that was refused / then the letter stays, unless it is to be a new job."""
    # given
    first = paths_of(letters)[0]
    jobs.record_invalid("job-0", "version: missing", {}, tag_group="default", worker="test")

    # when
    kept = send(letters, f"{first}/replay", f"{first}/replay")

    # then
    assert kept.status_code == 409
    assert "It was kept" in kept.text
    assert first in paths_of(letters)

    # and when
    sent = send(letters, f"{first}/replay", f"{first}/replay", new_id="yes")

    # then
    assert sent.status_code == 200
    assert "/jobs?id=job-0" not in sent.text
    assert first not in paths_of(letters)


def test_a_fleet_without_rabbitmq_says_so(client: FlaskClient) -> None:
    """Given no RabbitMQ / then the page says why there are no letters."""
    # when
    answer = client.get("/dead-letters")

    # then
    assert answer.status_code == 200
    assert "TAGFLEET_AMQP_URL is not set" in answer.text
