"""`tagfleet resolve`, from the arguments to the exit code."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import yaml

from tagfleet.models.errors import InvalidInput
from tagfleet.routing_rules.command import add_arguments, main

CATALOG = """
commands:
  - {id: m, name: m, user: ops, version: 1, tags: [go], executable: run,
     clusterCriteria: [{tags: ["type:yarn"]}], applications: [a]}
---
clusters:
  - {id: k1, name: k1, user: ops, version: 1, tags: ["type:yarn"]}
  - {id: k2, name: k2, user: ops, version: 1, tags: ["type:yarn"]}
applications:
  - {id: a, name: a, user: ops, version: 1}
"""
REQUEST = """
name: job
user: alice
version: 1
clusterCriterias: [{tags: ["type:yarn"]}]
commandCriteria: [go]
"""


@pytest.fixture(autouse=True)
def _in_a_folder_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("catalog.yaml").write_text(CATALOG)
    Path("request.yaml").write_text(REQUEST)


def run(*arguments: str, request: str = "request.yaml") -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return main(parser.parse_args(["--catalog", "catalog.yaml", "--request", request, *arguments]))


def test_a_resolved_request_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--output", "json", "--seed", "3") == 0
    found = json.loads(capsys.readouterr().out)
    assert found.pop("rationale")["cluster"] == found["cluster"]
    assert found.pop("cluster") in ("k1", "k2")
    assert found == {
        "outcome": "resolved",
        "command": "m",
        "applications": ["a"],
        "commandCandidates": ["m"],
        "clusterCandidates": {"m": ["k1", "k2"]},
        "tagGroup": "default",
        "timeout": 604800,
        "memory": 1500,
        "cpu": 1,
        "error": None,
    }


def test_yaml_says_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    run("--output", "json")
    as_json = json.loads(capsys.readouterr().out)
    run("--output", "yaml")
    assert yaml.safe_load(capsys.readouterr().out) == as_json


def test_the_same_files_give_the_same_answer(capsys: pytest.CaptureFixture[str]) -> None:
    texts = set()
    for _ in range(5):
        run()
        texts.add(capsys.readouterr().out)
    assert len(texts) == 1


def test_the_requests_id_is_the_seed_unless_one_is_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def cluster(*arguments: str) -> str:
        run("--output", "json", *arguments)
        return str(json.loads(capsys.readouterr().out)["cluster"])

    by_seed = [cluster("--seed", f"job-{at}") for at in range(8)]
    assert set(by_seed) == {"k1", "k2"}
    by_id = []
    for at in range(8):
        Path("request.yaml").write_text(REQUEST + f"id: job-{at}\n")
        by_id.append(cluster())
    assert by_id == by_seed


def test_a_text_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("rules.yaml").write_text(
        "version: 1\nqueues: {everything: }\nroutes: [{name: all, queue: everything}]\n"
    )
    assert run("--rules", "rules.yaml", "--seed", "0") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] in ("Resolved: command m on cluster k1", "Resolved: command m on cluster k2")
    assert lines[1:8] == [
        "Applications: a",
        "Tag group: everything",
        "Timeout: 604800 s, memory: 1500 MB, CPU: 1",
        "",
        "Why:",
        "Command asked for: go",
        "Commands that match: 1",
    ]


def test_a_request_that_nothing_answers(capsys: pytest.CaptureFixture[str]) -> None:
    Path("request.yaml").write_text(REQUEST.replace("[go]", "[stop]"))
    assert run("--output", "json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["command"], found["cluster"]) == ("error", None, None)
    assert found["error"].startswith("No command matching command criterion found")
    assert found["rationale"]["nearCommands"][0]["missing"] == ["tag 'stop' is missing"]
    assert run() == 1
    assert capsys.readouterr().out.startswith("Not resolved: No command matching")


def test_a_request_that_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("request.yaml").write_text(REQUEST.replace("version:", "vresion:"))
    expected = "request.yaml:4:1: vresion: unknown field, did you mean 'version'?"
    for output, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        assert run("--output", output) == 2
        found = read(capsys.readouterr().out)
        assert found["outcome"] == "error"
        assert expected in found["error"]
    with pytest.raises(InvalidInput, match="did you mean 'version'"):
        run()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected one request, found 0"),
        ("a: 1\n---\nb: 2\n", "expected one request, found 2"),
        ("[]", "request.yaml:1:1: expected a map"),
    ],
)
def test_a_file_that_is_no_request(text: str, expected: str) -> None:
    Path("request.yaml").write_text(text)
    with pytest.raises(InvalidInput, match=expected):
        run()


def test_a_catalog_or_rules_that_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"absent\.yaml"):
        run("--rules", "absent.yaml", "--output", "json")
    Path("catalog.yaml").write_text("clustres: []")
    with pytest.raises(InvalidInput, match="did you mean 'clusters'"):
        run("--output", "json")
