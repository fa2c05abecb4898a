"""The rules as workers use them: which tag group a request belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tagfleet.models.errors import InvalidInput
from tagfleet.models.queues import RESERVED_GROUP_NAMES, topology
from tagfleet.routing_rules.groups import load_rules
from tagfleet.routing_rules.rules import NoRoute

from .rule_samples import LEAST, problems_of, rules_of
from .samples import request


def test_the_built_in_rules() -> None:
    found = load_rules()
    assert found.names == ("sla", "adhoc", "default")
    assert found.tag_group_of(request(clusterCriterias=[{"tags": ["sched:adhoc"]}])) == "adhoc"
    assert found.tag_group_of(request()) == "default"


def test_the_first_route_that_applies_takes_the_request() -> None:
    found = rules_of(
        """
        queues: {both: , hive: , pinned: , rest: }
        routes:
          - {name: both, match: {tags: nightly, cluster_tags: [sched:sla, type:yarn]}, queue: both}
          - {name: hive, match: {command_tags: [type:hive]}, queue: hive}
          - {name: pin, match: {cluster_tags: "genie.id:k1", command_tags: "genie.name:m"}, queue: pinned}
          - {name: off, disabled: true, queue: both}
          - {name: rest, queue: rest}
        """
    )
    sla = [{"tags": ["x"]}, {"tags": ["sched:sla", "type:yarn", "x"]}]
    assert found.tag_group_of(request(tags=["nightly"], clusterCriterias=sla)) == "both"
    assert found.tag_group_of(request(clusterCriterias=sla)) == "rest"
    # The tags must stand in one criterion, not in two that are tried one after the other.
    apart = [{"tags": ["sched:sla"]}, {"tags": ["type:yarn"]}]
    assert found.tag_group_of(request(tags=["nightly"], clusterCriterias=apart)) == "rest"
    assert found.tag_group_of(request(commandCriteria=["type:hive"])) == "hive"
    pinned = request(clusterCriteria=[{"id": "k1"}], commandCriterion={"name": "m"})
    assert found.tag_group_of(pinned) == "pinned"
    assert found.names == ("both", "hive", "pinned", "rest")


def test_a_request_that_no_route_takes_is_refused() -> None:
    found = rules_of("queues: {a: , b: }\nroutes: [{name: ana, match: {user: ana}, queue: a}]")
    with pytest.raises(NoRoute, match="no route of the rules takes it"):
        found.tag_group_of(request(user="bo"))


def test_a_route_may_depend_on_the_time() -> None:
    found = rules_of(
        """
        queues: {day: , night: }
        windows: {day: {hours: "08:00-18:00"}}
        routes: [{name: day, when: day, queue: day}, {name: night, queue: night}]
        """
    )
    noon = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert found.tag_group_of(request(), noon) == "day"
    assert found.tag_group_of(request(), noon + timedelta(hours=12)) == "night"
    assert found.tag_group_of(request()) in ("day", "night")


def test_what_a_queue_is_told() -> None:
    found = rules_of(
        "queues: {a: {max_queued: 500, priority: 7, delivery_limit: 5}, b: }\n"
        "routes: [{name: r, queue: a}]"
    )
    first, second = found.tag_groups
    assert (first.max_queued, first.priority, first.delivery_limit) == (500, 7, 5)
    assert (second.max_queued, second.priority, second.delivery_limit) == (None, None, None)


def test_every_name_can_be_that_of_a_queue_in_rabbitmq() -> None:
    assert topology(load_rules().names)


def test_the_files_of_a_folder_are_one_set_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "20.yaml").write_text(
        "version: 1\nqueues: {b: }\nroutes: [{name: rest, queue: a}]\n"
    )
    # A file may refer to what a later one declares.
    (tmp_path / "10.json").write_text(
        '{"version": 1, "queues": {"a": {}}, "sets": {"s": ["x"]},'
        ' "routes": [{"name": "first", "match": {"user": "$t"}, "queue": "b"}]}'
    )
    (tmp_path / "30.yaml").write_text("version: 1\nsets: {t: [ana]}\n")
    (tmp_path / "x.test.yaml").write_text("version: 1\ntests: []\n")
    found = load_rules(tmp_path)
    assert found.names == ("a", "b")
    assert found.tag_group_of(request(user="ana")) == "b"
    assert found.tag_group_of(request(user="bo")) == "a"


def test_what_is_given_twice_names_both_places(tmp_path: Path) -> None:
    text = f"version: 1\n{LEAST}"
    (tmp_path / "1.yaml").write_text(text)
    (tmp_path / "2.yaml").write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_rules(tmp_path)
    assert [each.replace(f"{tmp_path}/", "") for each in caught.value.problems] == [
        "2.yaml:2:10: queues.q: the queue 'q' is given already, at 1.yaml:2:10",
        "2.yaml:3:17: routes[0].name: the rule 'all' is given already, at 1.yaml:3:17",
    ]


@pytest.mark.parametrize("name", sorted(RESERVED_GROUP_NAMES))
def test_the_fleet_s_own_queues_are_not_for_requests(name: str) -> None:
    found = problems_of(f"queues: {{{name}: }}\nroutes: [{{name: r, queue: {name}}}]")
    assert any("is the name of one of the fleet's own queues" in each for each in found)


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file or folder"):
        load_rules(tmp_path / "absent")


def test_the_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text("version: 2\n")
    (tmp_path / "2.yaml").write_text("[")
    (tmp_path / "3.yaml").write_text("[]")
    with pytest.raises(InvalidInput) as caught:
        load_rules(tmp_path)
    first, second, third = sorted(
        each.replace(f"{tmp_path}/", "") for each in caught.value.problems
    )
    assert first == "1.yaml:1:10: version: version 2 is not known, only 1 is"
    assert second.startswith("2.yaml:2:1: ")
    assert third == "3.yaml:1:1: expected a map with version, queues, routes"
