"""Catalog files: all of them are one catalog, and every problem has its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagfleet.models.errors import InvalidInput
from tagfleet.routing_rules.catalog_files import check_references, read_catalog

CLUSTER = "{id: %s, name: n, user: ops, version: 3.10, tags: [type:yarn]}"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def problems_of(*paths: Path) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read_catalog(paths)
    return list(caught.value.problems)


def test_files_folders_and_documents_are_one_catalog(tmp_path: Path) -> None:
    write(
        tmp_path,
        b_yaml=f"clusters: [{CLUSTER % 'k2'}]\n---\nclusters: [{CLUSTER % 'k3'}]\n",
        a__deep__x_yml=f"clusters: [{CLUSTER % 'k1'}]\ncommands:\n",
        c_json='{"applications": [{"id": "a", "name": "a", "user": "o", "version": "1"}]}',
        d_yaml="# nothing yet\n",
        readme_md="not: [a catalog",
    )
    write(tmp_path / ".git", x_yaml="not: [a catalog")
    (tmp_path / ".hidden.yaml").write_text("not: [a catalog")
    found = read_catalog([tmp_path, tmp_path / "b.yaml"])
    assert [each.id for each in found.clusters] == ["k2", "k3", "k1"]
    assert found.clusters[0].version == "3.10"
    assert found.places["clusters", "k3"] == f"{tmp_path}/b.yaml:3:17"
    assert found.places["applications", "a"] == f"{tmp_path}/c.json (applications[0].id)"
    assert [each.id for each in found.snapshot().clusters] == ["k1", "k2", "k3"]


def test_every_problem_is_named_with_its_place(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_yaml=(
            "clusters:\n  - id: k1\n    name: n\n    user: u\n    version: 1\n"
            "    statsu: UP\n    tags: type:yarn\n"
        ),
        b_yaml="clustres: []\n",
        c_yaml="clusters: {id: k1}\n---\n[]\n---\ncommands: [7]\n",
        d_yaml="clusters: [\n",
        e_yaml="applications: [{name: a, user: u, version: 1}]\n",
    )
    assert [each.removeprefix(f"{tmp_path}/") for each in problems_of(tmp_path)] == [
        "a.yaml:6:5: clusters[0].statsu: unknown field, did you mean 'status'?",
        "a.yaml:7:11: clusters[0].tags: Not a valid list",
        "b.yaml:1:1: clustres: unknown field, did you mean 'clusters'?",
        "c.yaml:1:11: clusters: Not a valid list",
        "c.yaml:3:1: expected a map with applications, commands or clusters",
        "c.yaml:5:12: commands[0]: expected a map",
        "d.yaml:2:1: did not find expected node content, while parsing a flow node",
        "e.yaml:1:16: applications[0]: an id is required in a file",
    ]


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_one_id_twice_names_both_places(tmp_path: Path, name: str) -> None:
    entry = '{"id": "k", "name": "n", "user": "u", "version": "1"}'
    file = tmp_path / name
    file.write_text(f'{{"applications": [{entry}],\n "clusters": [{entry},\n {entry}]}}')
    (problem,) = problems_of(file)
    place, first = ("", " (clusters[0].id)") if name == "a.json" else (":3:9", ":2:22")
    assert problem == (
        f"{file}{place}: clusters[1].id: 'k' is the id of another one, at {file}{first}"
    )


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert problems_of(tmp_path / "absent", tmp_path / "empty") == [
        f"{tmp_path}/absent: no such file or folder",
        f"{tmp_path}/empty: the folder holds no .yaml, .yml, .json file",
    ]


def test_applications_that_nobody_has(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_yaml=(
            "applications: [{id: a, name: a, user: u, version: 1}]\n"
            "commands: [{id: m, name: m, user: u, version: 1, executable: run,"
            " applications: [a, b, c]}]\n"
        ),
    )
    files = read_catalog([tmp_path])
    assert check_references(files, {"b"}) == [
        f"{tmp_path}/a.yaml:2:17: command 'm' names the application 'c', which does not exist"
    ]
    assert check_references(files, ["b", "c"]) == []
