"""The names and arguments of queues."""

from __future__ import annotations

import pytest

from tagfleet.models.queues import (
    DEAD_LETTERS_QUEUE,
    RESERVED_GROUP_NAMES,
    UNROUTABLE_EXCHANGE,
    WORK_QUEUES,
    Binding,
    group_queue,
    topology,
    valid_group_name,
)


@pytest.mark.parametrize("name", ["etl", "ad-hoc", "ad_hoc", "team-7", "0", "x" * 64])
def test_a_group_may_have_this_name(name):
    assert valid_group_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "Etl", "etl.sla", "etl sla", "étl", "etl\n", "x" * 65, *sorted(RESERVED_GROUP_NAMES)],
)
def test_a_group_may_not_have_this_name(name):
    assert not valid_group_name(name)


def test_each_group_has_a_queue_that_its_name_routes_to():
    # When
    found = topology(["etl", "ad-hoc"])
    # Then
    names = {queue.name for queue in found.queues}
    assert {group_queue("etl"), group_queue("ad-hoc")} <= names
    assert Binding("tagfleet.requests", "tagfleet.etl", "etl") in found.bindings


def test_a_group_that_is_given_twice_is_declared_once():
    assert topology(["etl", "etl"]) == topology(["etl"])


def test_every_queue_gives_up_on_a_message_some_time_and_the_dead_letters_never():
    for queue in topology(["etl"]).queues:
        assert queue.arguments["x-queue-type"] == "quorum"
        is_patient = queue.arguments["x-delivery-limit"] > 100_000_000
        assert is_patient == (queue.name == DEAD_LETTERS_QUEUE)


def test_only_the_queues_of_requests_refuse_when_they_are_long():
    limited = {
        queue.name for queue in topology(["etl"]).queues if "x-max-length" in queue.arguments
    }
    assert limited == {"tagfleet.etl", "tagfleet.intake"}


def test_what_no_group_takes_reaches_the_intake():
    assert Binding(UNROUTABLE_EXCHANGE, "tagfleet.intake") in topology([]).bindings


def test_no_request_can_be_routed_to_a_work_queue():
    routed = {b.queue for b in topology(["etl"]).bindings if b.exchange == "tagfleet.requests"}
    assert not routed & set(WORK_QUEUES)
