"""What is taken from a wire, what is refused, and with which words."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfleet.models.errors import InvalidInput
from tagfleet.models.resources import Criterion, Engine, JobRequest
from tagfleet.models.schemas import (
    dump_job_request,
    dump_resource,
    load_job_request,
    load_resource,
    request_digest,
)
from tagfleet.models.states import ClusterStatus, CommandStatus

COMMON = {"id": "x", "name": "x", "user": "ops", "version": "1"}
REQUEST = COMMON | {"clusterCriterias": [{"tags": ["a"]}], "commandCriteria": ["go"]}
V4 = COMMON | {"clusterCriteria": [{"tags": ["a"]}], "commandCriterion": {"tags": ["go"]}}


def request(**fields: Any) -> JobRequest:
    return load_job_request(REQUEST | fields)


def request_problems(**fields: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        request(**fields)
    return list(caught.value.problems)


def resource_problems(kind: str, **fields: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load_resource(kind, COMMON | fields)
    return list(caught.value.problems)


def test_both_forms_of_a_request_end_as_one() -> None:
    assert load_job_request(V4) == load_job_request(REQUEST)
    assert request().cluster_criteria == (Criterion(tags=frozenset({"a"})),)
    with_parts = load_job_request(V4 | {"commandCriterion": {"id": "m", "status": "DEPRECATED"}})
    assert with_parts.command_criterion == Criterion(id="m", status="DEPRECATED")


@pytest.mark.parametrize("fields", [V4, {"clusterCriterias": []}, {"commandCriteria": [" "]}])
def test_each_criterion_has_one_form_and_is_not_empty(fields: dict[str, Any]) -> None:
    for problem in request_problems(**fields):
        assert problem.startswith(("clusterCriterias: give one", "commandCriteria: give one"))


def test_own_tags_stand_for_id_and_name_inside_a_criterion_and_are_dropped_elsewhere() -> None:
    found = request(
        tags=["genie.id:other", "mine"],
        commandCriteria=["genie.id:m", "genie.name:n", "go"],
    )
    assert found.tags == {"mine"}
    assert found.command_criterion == Criterion(id="m", name="n", tags=frozenset({"go"}))


def test_blanks_are_absent_and_something_must_be_left() -> None:
    blank = {"id": "\t", "name": " ", "version": "\n", "status": "", "tags": ["", " "]}
    kept = load_job_request(V4 | {"clusterCriteria": [blank | {"name": " k "}]})
    assert kept.cluster_criteria == (Criterion(name="k"),)
    assert request_problems(clusterCriterias=[{"tags": ["a"]}, blank]) == [
        "clusterCriterias[1]: a criterion needs at least one of id, name, version, status, tags "
        "that is not blank"
    ]


def test_numbers_and_booleans_become_text_where_text_is_wanted() -> None:
    found = request(version=374, name=True, tags=[1, 2.5], environment={"A": 1, "B": False})
    assert (found.version, found.name, sorted(found.tags)) == ("374", "true", ["1", "2.5"])
    assert found.environment == {"A": "1", "B": "false"}


@pytest.mark.parametrize("value", ["5", True, 5.0, 0, -1, [5]])
@pytest.mark.parametrize("name", ["cpu", "memory", "timeout"])
def test_a_number_is_a_whole_number_within_bounds(name: str, value: object) -> None:
    (problem,) = request_problems(**{name: value})
    assert problem.startswith(f"{name}: ")


@pytest.mark.parametrize(("priority", "is_valid"), [(0, True), (9, True), (10, False), (-1, False)])
def test_priorities(priority: int, is_valid: bool) -> None:
    if is_valid:
        assert request(priority=priority).priority == priority
    else:
        assert request_problems(priority=priority)


@pytest.mark.parametrize("value", ["true", 1, "yes"])
def test_a_flag_is_true_or_false(value: object) -> None:
    assert request(disableLogArchival=True).disable_log_archival is True
    assert request_problems(disableLogArchival=value) == ["disableLogArchival: Not a valid boolean"]


def test_an_unknown_key_names_the_nearest_one() -> None:
    assert request_problems(clusterCriteris=[], frobnicate=1) == [
        "clusterCriteris: unknown field, did you mean 'clusterCriterias'?",
        "frobnicate: unknown field",
    ]
    assert resource_problems("clusters", engine={"type": "emr", "clusterID": "j-1"}) == [
        "engine.clusterID: unknown field, did you mean 'clusterId'?",
        "engine.clusterId: Missing data for required field",
    ]


def test_what_genies_clients_send_back_is_ignored() -> None:
    assert request(_links={}, checkDelay=5, description=None) == request()
    read_back = dump_resource(load_resource("clusters", COMMON)) | {"created": "?", "updated": 1}
    assert load_resource("clusters", read_back) == load_resource("clusters", COMMON)


@pytest.mark.parametrize("value", ["", " ", ".", "..", "a/b", "../x", "a\\b", "a\nb", "a\x00b"])
def test_an_id_is_never_a_path(value: str) -> None:
    (problem,) = request_problems(id=value)
    assert problem.startswith("id: ")
    assert request_problems(applications=["ok", value])[0].startswith("applications[1]: ")


def test_an_id_is_generated_when_it_is_absent() -> None:
    nameless = {key: value for key, value in REQUEST.items() if key != "id"}
    first, second = load_job_request(nameless), load_job_request(nameless)
    assert first.id != second.id
    assert request_digest(first) == request_digest(second) != request_digest(request(cpu=2))


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ("id name user version group email grouping groupingInstance", 255),
        ("description", 1000),
        ("setupFile", 1024),
    ],
)
def test_lengths(fields: str, length: int) -> None:
    for field in fields.split():
        assert request(**{field: "x" * length})
        assert request_problems(**{field: "x" * (length + 1)}) == [
            f"{field}: Longer than maximum length {length}"
        ]


@pytest.mark.parametrize(
    ("field", "length"),
    [("tags", 255), ("configs", 1024), ("attachments", 1024), ("commandArgs", 10_000)],
)
def test_lengths_of_what_is_in_a_list(field: str, length: int) -> None:
    assert request(**{field: ["x" * length]})
    assert request_problems(**{field: ["ok", "x" * (length + 1)]}) == [
        f"{field}[1]: Longer than maximum length {length}"
    ]


def test_arguments_are_a_list_or_one_string() -> None:
    assert request(commandArgs="-f 'a b' c").command_args == ("-f", "a b", "c")
    assert request(commandArgs=["-f", "a b", 1]).command_args == ("-f", "a b", "1")
    (problem,) = request_problems(commandArgs="it's")
    assert "use a list instead" in problem


@pytest.mark.parametrize("name", ["GENIE_JOB_ID", "GENIE_", "1A", "A-B", "A=B", "", "A B"])
def test_variables_that_cannot_be_set(name: str) -> None:
    (problem,) = request_problems(environment={name: "x"})
    assert problem.startswith("environment")
    assert request(environment={"_A1": "x", "GENIEX": "y"})


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_cannot_be_stored(text: str) -> None:
    assert "printable" in request_problems(name=text)[0]


@pytest.mark.parametrize("metadata", [{"a": "\ud800"}, {"\ud800": 1}, {"a": [{"b": "\udfff"}]}])
def test_metadata_that_cannot_be_sent_on(metadata: dict[str, object]) -> None:
    assert "half a UTF-16 pair" in request_problems(metadata=metadata)[0]


def test_metadata_is_not_nested_without_an_end() -> None:
    def nested(levels: int) -> dict[str, object]:
        return {"a": nested(levels - 1)} if levels > 1 else {}

    assert request(metadata=nested(100))
    assert "deeper than 100" in request_problems(metadata=nested(101))[0]


@pytest.mark.parametrize("data", [None, [], "x", 7])
def test_only_an_object_is_a_request(data: object) -> None:
    with pytest.raises(InvalidInput, match="expected an object"):
        load_job_request(data)


def test_a_command_has_one_executable() -> None:
    old = load_resource("commands", COMMON | {"executable": "bin/run -v"})
    new = load_resource("commands", COMMON | {"executableAndArguments": ["bin/run", "-v"]})
    assert old == new
    for fields in ({}, {"executable": "a", "executableAndArguments": ["a"]}):
        assert resource_problems("commands", **fields) == [
            "executableAndArguments: a command needs one of executable and executableAndArguments"
        ]


def test_statuses_and_engines() -> None:
    cluster = load_resource(
        "clusters",
        COMMON | {"status": "OUT_OF_SERVICE", "engine": {"type": "emr", "clusterId": "j-1"}},
    )
    assert cluster.status == ClusterStatus.OUT_OF_SERVICE
    assert getattr(cluster, "engine", None) == Engine(cluster_id="j-1")
    assert load_resource("applications", COMMON).status == CommandStatus.ACTIVE
    assert resource_problems("clusters", status="up")[0].startswith("status: ")
    assert resource_problems("clusters", engine={"type": "abacus", "clusterId": "j-1"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("clusterId", "main"),
        ("clusterId", "j-main"),
        ("clusterId", "${sla}"),
        ("roleArn", "fleet"),
        ("roleArn", "arn:aws:iam::12345:role/fleet"),
        ("executionRoleArn", "arn:aws:iam::123456789012:user/ana"),
    ],
)
def test_what_emr_could_never_know_is_refused_with_an_example(field: str, value: str) -> None:
    engine = {"type": "emr", "clusterId": "j-1", field: value}
    (problem,) = resource_problems("clusters", engine=engine)
    assert problem.startswith(f"engine.{field}: expected ")


def test_roles_of_every_partition_are_roles() -> None:
    for partition in ("aws", "aws-cn", "aws-us-gov"):
        arn = f"arn:{partition}:iam::123456789012:role/path/fleet"
        engine = {"type": "emr", "clusterId": "j-1", "roleArn": arn, "executionRoleArn": arn}
        cluster = load_resource("clusters", COMMON | {"engine": engine})
        expected = Engine(cluster_id="j-1", role_arn=arn, execution_role_arn=arn)
        assert getattr(cluster, "engine", None) == expected


def test_what_is_read_back_bears_its_own_tags() -> None:
    found = dump_resource(load_resource("applications", COMMON | {"tags": ["b", "a"]}))
    assert found["tags"] == ["a", "b", "genie.id:x", "genie.name:x"]
    assert found["status"] == "ACTIVE"


WORDS = st.text("aZ0-_.é:", min_size=1, max_size=8).filter(lambda text: text.strip("."))
TAGS = st.lists(WORDS, max_size=3)
CRITERIA = st.fixed_dictionaries(
    {"tags": st.lists(WORDS, min_size=1, max_size=3)},
    optional={"id": WORDS, "name": WORDS, "version": WORDS, "status": WORDS},
)
REQUESTS = st.fixed_dictionaries(
    {
        "id": WORDS,
        "name": WORDS,
        "user": WORDS,
        "version": WORDS,
        "clusterCriteria": st.lists(CRITERIA, min_size=1, max_size=3),
        "commandCriterion": CRITERIA,
    },
    optional={
        "tags": TAGS,
        "commandArgs": st.lists(st.text("a b'\"$\\", max_size=5), max_size=3),
        "applications": TAGS,
        "configs": TAGS,
        "setupFile": WORDS,
        "metadata": st.dictionaries(WORDS, st.integers() | WORDS | st.none(), max_size=2),
        "disableLogArchival": st.booleans(),
        "cpu": st.integers(1, 99),
        "timeout": st.integers(1, 99),
        "priority": st.integers(0, 9),
        "environment": st.dictionaries(st.sampled_from(["A", "B"]), WORDS),
    },
)


@given(REQUESTS)
def test_a_request_survives_the_wire(data: dict[str, Any]) -> None:
    loaded = load_job_request(data)
    again = load_job_request(json.loads(json.dumps(dump_job_request(loaded))))
    assert again == loaded
    assert request_digest(again) == request_digest(loaded)


@given(
    st.sampled_from(["applications", "clusters", "commands"]),
    TAGS,
    st.lists(CRITERIA, max_size=2),
    st.lists(WORDS, min_size=1, max_size=2),
)
def test_a_resource_survives_the_wire(
    kind: str, tags: list[str], criteria: list[dict[str, Any]], words: list[str]
) -> None:
    data: dict[str, Any] = COMMON | {"tags": tags, "configs": words, "description": words[0]}
    if kind == "commands":
        data |= {"clusterCriteria": criteria, "applications": words, "executable": words}
    loaded = load_resource(kind, data)
    assert load_resource(kind, json.loads(json.dumps(dump_resource(loaded)))) == loaded


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([*REQUEST, *V4, "", "environment", "cpu", "tags"]), inner)
    ),
    max_leaves=6,
)


@given(JSON, st.dictionaries(st.sampled_from([*REQUEST, *V4, "metadata", "environment"]), JSON))
def test_whatever_comes_in_is_taken_or_refused(data: object, fields: dict[str, Any]) -> None:
    for kind in (None, "applications", "commands", "clusters"):
        for body in (data, REQUEST | fields):
            with suppress(InvalidInput):
                load_resource(kind, body) if kind else load_job_request(body)
