"""What the rules in force do with a request at the front door."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tagfleet.models import catalog, jobs, limit_holders, rule_sets
from tagfleet.models.database import now
from tagfleet.models.errors import JobNotFound
from tagfleet.models.schemas import load_job_request
from tagfleet.models.states import ClusterStatus
from tagfleet.producers.applying import Candidate, apply
from tagfleet.routing_rules.in_force import RulesNow
from tagfleet.routing_rules.places import places_of

from .test_submission import REQUEST, a_catalog, problem_of, submit

__all__ = ["a_catalog"]

RULES = """\
version: 1
queues: {etl: {}}
deny:
  - {name: no-bots, match: {user: bot}, reason: Bots use the queue}
routes:
  - {name: named, match: {user: [ana, bo, bot]}, queue: etl, pool: main}
pools:
  main: {strategy: ordered, targets: [{tags: ["type:yarn"]}]}
limits:
  - {name: one-open, match: {user: bo}, per: user, running: 1, on_exceed: reject}
  - {name: rate, match: {user: ana}, per: user, rate: 1/h, on_exceed: reject}
  - {name: wait, match: {user: ana}, per: user, running: 0, on_exceed: hold}
"""


@pytest.fixture
def in_force(mongodb: Any, tmp_path: Path) -> Callable[[str], None]:
    """Applies rules."""

    def put(text: str) -> None:
        path = tmp_path / "rules.yaml"
        path.write_text(text)
        apply(Candidate.read(path), applied_by="the test", note=None)

    return put


@pytest.fixture
def client(
    make_app: Callable[..., Flask], a_catalog: None, in_force: Callable[[str], None]
) -> FlaskClient:
    """A client of the bare application, where RULES are in force."""
    in_force(RULES)
    return make_app().test_client()


def hold_places(**changes: Any) -> None:
    """What a worker does that lets such a job in."""
    applied = rule_sets.in_force()
    assert applied
    rules = RulesNow.of(applied.texts()).rules
    asked = load_job_request({**REQUEST, **changes})
    for place in places_of(asked, "etl", rules, now()):
        limit_holders.take(place.key, asked.id, place.held, place.most, seconds=place.seconds)


def test_a_job_goes_to_the_queue_of_its_route(client: FlaskClient) -> None:
    assert submit(client).status_code == 202
    assert jobs.get("j1").tag_group == "etl"


def test_who_is_denied_is_told_why(client: FlaskClient) -> None:
    found = problem_of(submit(client, user="bot"), 412)
    assert found["detail"] == "Bots use the queue"
    assert found["rationale"] == {"rule": "no-bots"}
    with pytest.raises(JobNotFound):
        jobs.get("j1")


def test_what_no_route_takes_is_refused(client: FlaskClient) -> None:
    assert "No route" in problem_of(submit(client, user="dan"), 412)["detail"]


@pytest.mark.parametrize(("user", "seconds"), [("bo", "30"), ("ana", "3600")])
def test_a_limit_that_refuses_says_when_to_come_again(
    client: FlaskClient, user: str, seconds: str
) -> None:
    hold_places(id="earlier", user=user)
    answer = submit(client, user=user)
    assert "The limit" in problem_of(answer, 429)["detail"]
    assert answer.headers["Retry-After"] == seconds


def test_a_limit_that_holds_takes_the_job(client: FlaskClient) -> None:
    assert submit(client, user="ana").status_code == 202


def test_rules_that_are_applied_are_taken_up_at_once(
    client: FlaskClient, in_force: Callable[[str], None]
) -> None:
    submit(client)
    in_force(RULES.replace("etl", "reports"))
    submit(client, id="j2")
    assert [jobs.get(each).tag_group for each in ("j1", "j2")] == ["etl", "reports"]


def test_rules_that_cannot_be_used_here_leave_the_ones_before_in_force(client: FlaskClient) -> None:
    # Given a set that a newer fleet has applied
    submit(client)
    rule_sets.put_in_force(
        {"a.yaml": b"version: 99"}, "x", applied_by="a newer fleet", note=None, replaces=1
    )
    # Then jobs are taken as before
    assert submit(client, id="j2").status_code == 202
    assert jobs.get("j2").tag_group == "etl"


def test_a_drained_cluster_of_the_pool_is_waited_for(client: FlaskClient) -> None:
    catalog.set_cluster_status("main", ClusterStatus.OUT_OF_SERVICE)
    assert submit(client).status_code == 202
