"""Rule files: which tag group a request belongs to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagfleet.models.errors import InvalidInput
from tagfleet.models.queues import RESERVED_GROUP_NAMES
from tagfleet.routing_rules.groups import Match, RuleSet, TagGroup, load_rules

from .samples import request

EXPECTED = "expected lower-case letters, digits, - and _, 64 of them at most"


def rules(tmp_path: Path, text: str, name: str = "rules.yaml") -> RuleSet:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return load_rules(tmp_path / name)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        rules(tmp_path, text)
    assert str(caught.value).startswith("rules: ")
    return [each.removeprefix(f"{tmp_path}/") for each in caught.value.problems]


def test_the_built_in_rules() -> None:
    found = load_rules()
    assert found.names == ("sla", "adhoc", "default")
    assert found.tag_group_of(request(clusterCriterias=[{"tags": ["sched:adhoc"]}])) == "adhoc"
    assert found.tag_group_of(request()) == "default"


def test_the_first_group_that_matches_takes_the_request(tmp_path: Path) -> None:
    found = rules(
        tmp_path,
        """
version: 1
tag_groups:
  - {name: both, match: {tags: [nightly], cluster_tags: [sched:sla, type:yarn]}}
  - {name: hive, match: {command_tags: [type:hive]}}
  - {name: pinned, match: {cluster_tags: ["genie.id:k1"], command_tags: ["genie.name:m"]}}
default: rest
""",
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


def test_a_group_without_match_takes_everything(tmp_path: Path) -> None:
    found = rules(tmp_path, "version: 1\ntag_groups: [{name: all}]\n")
    assert found == RuleSet(groups=(TagGroup(name="all", match=Match()),), default="default")
    assert found.tag_group_of(request()) == "all"


def test_a_default_that_is_a_group_is_named_once() -> None:
    assert RuleSet(groups=(TagGroup(name="a"), TagGroup(name="b")), default="a").names == ("a", "b")


def test_the_files_of_a_folder_are_read_in_order(tmp_path: Path) -> None:
    rules(tmp_path, "version: 1\ntag_groups: [{name: b}]\ndefault: z\n", "20.yaml")
    rules(tmp_path, '{"version": 1, "tag_groups": [{"name": "a"}]}', "10.json")
    assert load_rules(tmp_path).names == ("a", "b", "z")


def test_every_problem_is_named_with_its_place(tmp_path: Path) -> None:
    reserved = sorted(RESERVED_GROUP_NAMES)[0]
    found = problems(
        tmp_path,
        f"""version: 2
tag_groups:
  - name: {reserved}
  - name: "no such name!"
    match: {{cluster_tgas: [a]}}
  - match: {{tags: a}}
defualt: x
""",
    )
    assert found == [
        "rules.yaml:7:1: defualt: unknown field, did you mean 'default'?",
        f"rules.yaml:3:11: tag_groups[0].name: {reserved!r} is the name of one of the fleet's own queues",
        "rules.yaml:5:13: tag_groups[1].match.cluster_tgas: unknown field, did you mean 'cluster_tags'?",
        "rules.yaml:4:11: tag_groups[1].name: 'no such name!' is not a group's name: " + EXPECTED,
        "rules.yaml:6:19: tag_groups[2].match.tags: Not a valid list",
        "rules.yaml:6:5: tag_groups[2].name: Missing data for required field",
        "rules.yaml:1:10: version: version 2 is not known, only 1 is",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "rules.yaml:1:1: expected a map with version, tag_groups and default"),
        ("tag_groups: []", "rules.yaml:1:1: version: Missing data for required field"),
        ("version: 1\nversion: 1", "rules.yaml:2:1: duplicate key 'version' (first at line 1)"),
        (
            "version: 1\ndefault: 'a b'",
            "rules.yaml:2:10: default: 'a b' is not a group's name: " + EXPECTED,
        ),
    ],
)
def test_a_broken_file(tmp_path: Path, text: str, expected: str) -> None:
    assert problems(tmp_path, text) == [expected]


def test_what_is_given_twice_names_both_places(tmp_path: Path) -> None:
    rules(tmp_path, "version: 1\ntag_groups: [{name: a}]\ndefault: d\n", "1.yaml")
    (tmp_path / "2.yaml").write_text("version: 1\ntag_groups: [{name: a}]\ndefault: d\n")
    with pytest.raises(InvalidInput) as caught:
        load_rules(tmp_path)
    assert [each.replace(f"{tmp_path}/", "") for each in caught.value.problems] == [
        "2.yaml:2:21: tag_groups[0].name: the group 'a' is given already, at 1.yaml:2:21",
        "2.yaml:3:10: default: the default is given already, at 1.yaml:3:10",
    ]


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file or folder"):
        load_rules(tmp_path / "absent")
