"""MongoDB's operators and patterns where a value is expected."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from .conftest import Door

OPERATORS: list[Any] = [
    {"$ne": None},
    {"$gt": ""},
    {"$regex": ".*"},
    {"$where": "sleep(60000)"},
    {"$function": {"body": "function() {}", "args": [], "lang": "js"}},
    ["$ne", "x"],
]


@pytest.mark.parametrize(
    "query",
    [
        "id[$ne]=x",
        "id[$regex]=.*",
        "user[$ne]=ana",
        "user%5B%24gt%5D=",
        "status[$nin][]=RUNNING",
        "tag[$exists]=true",
        "$where=sleep(60000)",
    ],
)
def test_a_parameter_is_no_operator(door: Door, query: str) -> None:
    # An unknown parameter is ignored, as Genie does: the search is the one without it
    assert door.jobs(query) == door.jobs()


@pytest.mark.parametrize("name", ["id", "name", "user", "clusterId", "commandName"])
@pytest.mark.parametrize("value", ['{"$ne":null}', "$ne", ".*", "vic.*", "^v", "(v+)+$", "[a-z]*"])
def test_a_value_is_no_operator_and_no_pattern(door: Door, name: str, value: str) -> None:
    assert "victim" not in door.jobs(f"{name}={requests.utils.quote(value)}")


@pytest.mark.parametrize("value", ['{"$ne":null}', "$ne", "RUNNING'||'1"])
def test_a_status_is_one_of_the_known(door: Door, value: str) -> None:
    answer = requests.get(f"{door.url}/api/v3/jobs", params={"status": value}, timeout=60)
    assert answer.status_code == 400


@pytest.mark.parametrize("sort", ["$where", "user,$natural", "__proto__", "user;drop", "a" * 3000])
def test_sorting_takes_fields_only(door: Door, sort: str) -> None:
    answer = requests.get(f"{door.url}/api/v3/jobs", params={"sort": sort}, timeout=60)
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("value", OPERATORS)
@pytest.mark.parametrize("field", ["id", "user", "name", "version", "tags", "group"])
def test_a_field_of_a_request_is_no_operator(door: Door, field: str, value: Any) -> None:
    value = [value] if field == "tags" else value
    answer = door.submit(**{field: value})
    assert answer.status_code == 412
    assert field in answer.text


@pytest.mark.parametrize("value", OPERATORS)
def test_a_field_of_an_entry_is_no_operator(door: Door, value: Any) -> None:
    entry = {"id": value, "name": "x", "user": "ops", "version": "1", "status": "ACTIVE"}
    answer = requests.post(f"{door.url}/api/v3/applications", json=entry, timeout=60)
    assert answer.status_code in (400, 412)
    assert requests.get(f"{door.url}/api/v3/applications", timeout=60).json()["page"][
        "totalElements"
    ] == 0  # fmt: skip


@pytest.mark.parametrize("path", ["/$where", "/_id", "/id", "/tags/$[]", "/__class__", "/~1x", ""])
def test_a_patch_changes_fields_of_the_entry_only(door: Door, path: str) -> None:
    before = requests.get(f"{door.url}/api/v3/clusters/main", timeout=60).json()
    patch = [{"op": "replace", "path": path, "value": {"$ne": 1}}]
    answer = requests.patch(f"{door.url}/api/v3/clusters/main", json=patch, timeout=60)
    assert 400 <= answer.status_code < 500
    assert requests.get(f"{door.url}/api/v3/clusters/main", timeout=60).json() == before


@pytest.mark.parametrize("job_id", ["%24ne", "%7B%22%24ne%22%3A1%7D", "victim%00", ".*", "v%25"])
def test_an_id_in_a_path_is_no_operator(door: Door, job_id: str) -> None:
    for path in ("", "/request", "/status", "/output"):
        assert requests.get(f"{door.url}/api/v3/jobs/{job_id}{path}").status_code in (400, 404)
    assert requests.delete(f"{door.url}/api/v3/jobs/{job_id}", timeout=60).status_code in (400, 404)
