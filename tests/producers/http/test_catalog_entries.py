"""What the front door refuses of the catalog, and what it keeps safe."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from .test_submission import problem_of

V3 = "/api/v3"


def application(**changes: Any) -> dict[str, Any]:
    return {"id": "a1", "name": "x", "user": "ops", "version": "1", **changes}


def command(**changes: Any) -> dict[str, Any]:
    return {"id": "c1", "name": "x", "user": "o", "version": "1", "executable": "true", **changes}


def cluster(**changes: Any) -> dict[str, Any]:
    return {"id": "k1", "name": "x", "user": "ops", "version": "1", "status": "UP", **changes}


def make(client: FlaskClient, kind: str, body: dict[str, Any]) -> None:
    answer = client.post(f"{V3}/{kind}", json=body)
    assert answer.status_code == 201, answer.text


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(f"{V3}/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_an_id_is_made_where_none_is_given(client: FlaskClient) -> None:
    answer = client.post(f"{V3}/applications", json=application(id=None))
    assert client.get(answer.headers["Location"]).json["name"] == "x"


def test_a_second_one_of_an_id_is_a_conflict(client: FlaskClient) -> None:
    make(client, "applications", application())
    found = problem_of(client.post(f"{V3}/applications", json=application(version="2")), 409)
    assert "'a1' already" in found["detail"]
    assert get(client, "applications/a1")["version"] == "1"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"id": "x"}, ["name", "user", "version"]),
        (application(status="OFF"), ["status"]),
        (application(tagz=["x"]), ["tagz"]),
        (application(name={"$ne": 1}), ["name"]),
        (application(configs=["x" * 1025]), ["configs[0]"]),
        (application(id="a/b"), ["id"]),
    ],
)
def test_a_problem_names_its_field(
    client: FlaskClient, body: dict[str, Any], fields: list[str]
) -> None:
    found = problem_of(client.post(f"{V3}/applications", json=body), 412)
    assert [each["field"] for each in found["errors"]] == fields


@pytest.mark.parametrize("kind", ["applications", "commands", "clusters"])
def test_what_is_not_there_is_not_found(client: FlaskClient, kind: str) -> None:
    body = {"applications": application(), "commands": command(), "clusters": cluster()}[kind]
    one = f"{V3}/{kind}/no"
    problem_of(client.get(one), 404)
    problem_of(client.put(one, json={**body, "id": "no"}), 404)
    problem_of(client.patch(one, json=[]), 404)
    problem_of(client.delete(one), 404)
    problem_of(client.post(f"{one}/tags", json=["x"]), 404)
    problem_of(client.get(f"{one}/configs"), 404)


def test_a_body_cannot_rename_an_entry(client: FlaskClient) -> None:
    make(client, "applications", application())
    found = problem_of(client.put(f"{V3}/applications/a1", json=application(id="a2")), 412)
    assert found["errors"][0]["field"] == "id"
    patch = [{"op": "replace", "path": "/id", "value": "a2"}]
    problem_of(client.patch(f"{V3}/applications/a1", json=patch), 412)


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        ({}, 400),
        (["x"], 400),
        ([{"op": "grow", "path": "/name"}], 400),
        ([{"op": "replace"}], 400),
        ([{"op": "replace", "path": "name", "value": "y"}], 412),
        ([{"op": "remove", "path": "/no"}], 412),
        ([{"op": "test", "path": "/name", "value": "y"}], 412),
        ([{"op": "remove", "path": "/name"}], 412),
        ([{"op": "replace", "path": "", "value": 7}], 412),
        ([{"op": "add", "path": "/tags/x", "value": "t"}], 412),
        ([{"op": "test", "path": "/name", "value": "x"}] * 201, 413),
        # Each of these doubles what is there.
        (
            [{"op": "add", "path": "/metadata", "value": {"a": "x" * 1000}}]
            + [
                {"op": "copy", "from": "/metadata", "path": f"/metadata/{number}"}
                for number in range(100)
            ],
            413,
        ),
    ],
)
def test_a_patch_that_cannot_be_used_changes_nothing(
    client: FlaskClient, patch: Any, status: int
) -> None:
    make(client, "applications", application())
    before = get(client, "applications/a1")
    problem_of(client.patch(f"{V3}/applications/a1", json=patch), status)
    assert get(client, "applications/a1") == before


def test_changes_at_the_same_time_are_all_kept(client: FlaskClient) -> None:
    # Given an entry, and many who add a tag to it at once
    make(client, "clusters", cluster())
    app = client.application

    def add(number: int) -> int:
        with app.test_client() as own:
            return own.post(f"{V3}/clusters/k1/tags", json=[f"t{number}"]).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(add, range(24)))
    # Then no change is lost: each is there, or its sender was told
    there = [tag for tag in get(client, "clusters/k1/tags") if not tag.startswith("genie.")]
    assert 204 in answers
    assert set(answers) <= {204, 409}
    assert sorted(there) == sorted(f"t{at}" for at, code in enumerate(answers) if code == 204)


def test_an_application_that_is_needed_stays(client: FlaskClient) -> None:
    make(client, "applications", application())
    make(client, "commands", command(applications=["a1"]))
    assert "'c1'" in problem_of(client.delete(f"{V3}/applications/a1"), 409)["detail"]
    problem_of(client.delete(f"{V3}/applications"), 409)
    client.delete(f"{V3}/commands/c1")
    assert client.delete(f"{V3}/applications/a1").status_code == 204


def test_a_command_needs_applications_that_are_there(client: FlaskClient) -> None:
    found = problem_of(client.post(f"{V3}/commands", json=command(applications=["no"])), 412)
    assert found["errors"] == [{"field": "applications", "detail": "there is no 'no'"}]
    make(client, "commands", command())
    problem_of(client.post(f"{V3}/commands/c1/applications", json=["no"]), 404)
    problem_of(client.post(f"{V3}/commands/c1/applications", json=[7]), 400)
    problem_of(client.put(f"{V3}/commands/c1/applications", json={}), 400)


def test_a_command_that_asks_by_tags_cannot_be_taken_from_one_cluster(
    client: FlaskClient,
) -> None:
    # Given a command that runs on a cluster by a tag, and another by the cluster's id
    make(client, "clusters", cluster(tags=["type:yarn"]))
    make(client, "commands", command(clusterCriteria=[{"tags": ["type:yarn"]}]))
    make(client, "commands", command(id="c2"))
    assert client.post(f"{V3}/clusters/k1/commands", json=["c1", "c2"]).status_code == 204
    # Then the one cannot be taken away, which is told, and the other stays where it is meanwhile
    found = problem_of(client.delete(f"{V3}/clusters/k1/commands/c1"), 409)
    assert "type:yarn" in found["detail"]
    problem_of(client.delete(f"{V3}/clusters/k1/commands"), 409)
    problem_of(client.put(f"{V3}/clusters/k1/commands", json=[]), 409)
    assert [each["id"] for each in get(client, "clusters/k1/commands")] == ["c1", "c2"]
    # And a cluster that is drained keeps its commands
    patch = [{"op": "replace", "path": "/status", "value": "OUT_OF_SERVICE"}]
    client.patch(f"{V3}/clusters/k1", json=patch)
    assert len(get(client, "clusters/k1/commands")) == 2
    assert get(client, "commands/c1/clusters?status=up") == []
    assert len(get(client, "commands/c1/clusters?status=out_of_service&status=UP")) == 1


def test_a_list_is_sorted_and_cut_into_pages(client: FlaskClient) -> None:
    for number in (2, 1, 3):
        make(client, "applications", application(id=f"a{number}", version=str(9 - number)))

    def ids(query: str) -> list[str]:
        body = get(client, f"applications?{query}")
        return [each["id"] for each in body.get("_embedded", {}).get("applicationList", [])]

    assert ids("") == ["a3", "a1", "a2"]
    assert ids("sort=id,asc") == ["a1", "a2", "a3"]
    assert ids("sort=version&sort=id") == ["a3", "a2", "a1"]
    assert ids("sort=id&size=2&page=1") == ["a3"]
    assert ids("page=9") == []
    page = get(client, "applications?size=2")["page"]
    assert page == {"size": 2, "totalElements": 3, "totalPages": 2, "number": 0}
    assert "_embedded" not in get(client, "applications?name=no")


@pytest.mark.parametrize(
    "query",
    ["page=-1", "page=x", "size=0", "page=99999999999999999999", "sort=$where", "status=no"]
    + ["name=" + "x" * 2000],
)
def test_a_parameter_that_cannot_be_used_is_named(client: FlaskClient, query: str) -> None:
    for kind in ("applications", "jobs"):
        found = problem_of(client.get(f"{V3}/{kind}?{query}"), 400)
        assert found["errors"][0]["field"].startswith(query.partition("=")[0])


@pytest.mark.parametrize(
    "query",
    ["name[$ne]=x", "user[$regex]=.*", "name=.*", "name={'$ne':1}", "name=$where", "tag=.", "id=^"]
    + ["name=(a%2B)%2B%24", "name=%25%25%25%25%25%25%25%25y"],
)
def test_no_parameter_becomes_an_operator(client: FlaskClient, query: str) -> None:
    # Given an entry and no job; what is no parameter is ignored, and what is one means itself
    make(client, "applications", application())
    found = get(client, f"applications?{query}")["page"]["totalElements"]
    assert found == (1 if "[" in query or query.startswith("id") else 0)
    assert get(client, f"jobs?{query}")["page"]["totalElements"] == 0


def test_a_large_page_is_cut(client: FlaskClient) -> None:
    assert get(client, "applications?size=1000000")["page"]["size"] == 2000


def test_an_unknown_path_and_a_wrong_method_are_told(client: FlaskClient) -> None:
    problem_of(client.get(f"{V3}/nothing"), 404)
    answer = client.post(f"{V3}/jobs/x/status")
    problem_of(answer, 405)
    assert "GET" in answer.headers["Allow"]
