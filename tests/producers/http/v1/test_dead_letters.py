"""Dead letters over HTTP, on a real RabbitMQ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from ..test_submission import problem_of

LETTERS = "/api/v1/dead-letters"


@pytest.fixture
def client(make_app: Callable[..., Flask], amqp_url: str) -> FlaskClient:
    """A client of an application that has a RabbitMQ, with two dead letters."""
    declare(amqp_url, topology(["default"]))
    with AmqpConnection(amqp_url) as connection:
        for number, reason in enumerate(("version: missing", "Nobody knows.")):
            delivery = a_delivery(request_data(id=f"job-{number}"), message_id=f"job-{number}")
            connection.publish_all([dead_letter(delivery, reason)])
    return make_app(TAGFLEET_AMQP_URL=amqp_url).test_client()


def listed(client: FlaskClient, **query: Any) -> list[Any]:
    """The letters that lie there."""
    found: list[Any] = client.get(LETTERS, query_string=query).json["letters"]
    return found


def test_letters_are_listed_and_shown(client: FlaskClient) -> None:
    """Given two letters / then both are listed, the oldest first, and each can be looked at."""
    found = listed(client)
    assert [each["jobId"] for each in found] == ["job-0", "job-1"]
    assert found[0]["reason"] == "version: missing"
    assert [each["jobId"] for each in listed(client, reason="nobody")] == ["job-1"]
    assert len(listed(client, limit=1)) == 1

    # when
    whole = client.get(f"{LETTERS}/{found[1]['id']}").json

    # then
    assert '"id": "job-1"' in whole["body"]


def test_a_letter_is_sent_back_and_another_dropped(client: FlaskClient) -> None:
    """Given two letters / then one is replayed and one dropped, and nothing lies there any more."""
    first, second = (each["id"] for each in listed(client))

    # when
    replayed = client.post(LETTERS, json={"action": "replay", "ids": [first]}).json["outcomes"]
    dropped = client.post(LETTERS, json={"action": "drop", "ids": [second]}).json["outcomes"]

    # then
    assert [(each["id"], each["result"]) for each in replayed] == [(first, "replayed")]
    assert [(each["id"], each["result"]) for each in dropped] == [(second, "dropped")]
    assert listed(client) == []


def test_one_whose_job_is_there_already_is_kept(client: FlaskClient, record: Any) -> None:
    """Given a refused job of the letter's id / then the letter stays unless it is given another id."""
    first = listed(client)[0]["id"]
    jobs.record_invalid("job-0", "version: missing", {}, tag_group="default", worker="w")

    # when
    kept = client.post(LETTERS, json={"action": "replay", "ids": [first]}).json["outcomes"][0]
    sent = client.post(LETTERS, json={"action": "replay", "ids": [first], "newId": True}).json

    # then
    assert kept["result"] == "kept"
    assert kept["detail"]
    assert sent["outcomes"][0]["result"] == "replayed"
    assert sent["outcomes"][0]["jobId"] != "job-0"


def test_a_letter_that_is_gone_is_not_found(client: FlaskClient) -> None:
    """Given an id of no letter / then it is not found, whatever is asked of it."""
    problem_of(client.get(f"{LETTERS}/gone"), 404)
    problem_of(client.post(LETTERS, json={"action": "drop", "ids": ["gone"]}), 404)
    assert len(listed(client)) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": ["x"]}, "action"),
        ({"action": "burn", "all": True}, "action"),
        ({"action": "drop", "ids": "x"}, "ids"),
        ({"action": "drop", "all": "yes"}, "all"),
        ({"action": "drop", "everything": True}, "everything"),
    ],
)
def test_what_is_wrong_is_named(client: FlaskClient, body: Any, field: str) -> None:
    """Given something wrong / then its field is named, and no letter is touched."""
    found = problem_of(client.post(LETTERS, json=body), 400)

    assert [each["field"] for each in found["errors"]] == [field]
    assert len(listed(client)) == 2


@pytest.mark.parametrize(
    "selection", [{}, {"all": False}, {"all": True, "ids": ["x"]}, {"ids": ["x"], "reason": "y"}]
)
def test_which_letters_are_meant_must_be_said_once(client: FlaskClient, selection: Any) -> None:
    """Given nothing that says which, or two things / then nothing is done."""
    problem_of(client.post(LETTERS, json={"action": "drop", **selection}), 400)
    assert len(listed(client)) == 2


def test_without_a_rabbitmq_there_are_none(make_app: Callable[..., Flask]) -> None:
    """Given a fleet without RabbitMQ / then the answer says why there are no letters."""
    found = problem_of(make_app().test_client().get(LETTERS), 404)

    assert "RabbitMQ" in found["detail"]
