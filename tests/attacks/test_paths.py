"""Paths that lead out of where they should, as no tidy client sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from .conftest import REQUEST, TREASURE, Door
from .raw import ask

OUTPUT = "/api/v3/jobs/victim/output"


def elsewhere(door: Door) -> set[Path]:
    """The files that are no attachments."""
    kept = door.folder / "staging" / "attachments"
    found = (path for path in door.folder.rglob("*") if path.is_file())
    return {path for path in found if not path.is_relative_to(kept)}


@pytest.fixture
def staged(door: Door) -> Iterator[Path]:
    """The victim's folder: a file, and links to what is no job's."""
    folder = door.folder / "staging" / "jobs" / "victim"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own").write_text("own")
    links = {"link": door.folder / "secret", "out": door.folder, "passwd": Path("/etc/passwd")}
    for name, target in links.items():
        (folder / name).symlink_to(target)
    yield folder
    for name in links:
        (folder / name).unlink()


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../secret",
        "/..%2f..%2f..%2f..%2fsecret",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret",
        "/%252e%252e/%252e%252e/secret",
        "/.%00./secret",
        "/own/../../../../secret",
        "/own%00.txt",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/file:///etc/passwd",
        "/..\\..\\..\\secret",
        "/..%5c..%5csecret",
        "/%c0%ae%c0%ae/%c0%ae%c0%ae/secret",
        "/..;/..;/secret",
        "/link",
        "/passwd",
        "/out/secret",
        "/%ff",
    ],
)
def test_no_path_leads_out_of_a_jobs_folder(door: Door, staged: Path, path: str) -> None:
    answer = ask(door.url, f"{OUTPUT}{path}")
    assert answer.status in (400, 404)
    assert TREASURE.encode() not in answer.body
    assert b"root:" not in answer.body


def test_what_is_in_the_folder_is_there_and_links_are_not_listed(door: Door, staged: Path) -> None:
    assert ask(door.url, f"{OUTPUT}/own").body == b"own"
    names = {each["name"] for each in ask(door.url, OUTPUT).json["files"]}
    assert "own" in names
    assert names.isdisjoint({"link", "passwd", "secret"})


@pytest.mark.parametrize(
    "target",
    ["/../../../etc/passwd", "/..%2f..%2fetc/passwd", "/static/../../../etc/passwd",
     "/static/%2e%2e/%2e%2e/templates/layout.html", "http://169.254.169.254/latest/", "//evil/"],
)  # fmt: skip
def test_no_path_leads_to_the_servers_own_files(door: Door, target: str) -> None:
    answer = ask(door.url, target)
    assert answer.status in (400, 404)
    assert b"root:" not in answer.body
    assert b"{%" not in answer.body


@pytest.mark.parametrize(
    "job_id", ["..", ".", "../../secret", "a/../../b", "/etc", "a\x00b", "~x/"]
)
def test_an_id_is_no_path(door: Door, job_id: str) -> None:
    with_file = {"attachment": ("a.txt", b"x")}
    request = {"request": (None, json.dumps({**REQUEST, "id": job_id}), "application/json")}
    before = set(door.folder.rglob("*"))
    answer = requests.post(f"{door.url}/api/v3/jobs", files={**request, **with_file}, timeout=60)
    assert answer.status_code == 412
    assert set(door.folder.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["../../x", "..", "a/../../x", "..\\x", "a\x00b", "/etc/x", "%2e%2e"]
)
def test_a_file_name_is_no_path(door: Door, name: str) -> None:
    # Werkzeug keeps what the client calls the file
    head = (
        f'--x\r\nContent-Disposition: form-data; name="attachment"; filename="{name}"\r\n\r\nx\r\n'
    )
    request = (
        f'--x\r\nContent-Disposition: form-data; name="request"\r\n\r\n{json.dumps(REQUEST)}\r\n'
    )
    before = elsewhere(door)
    answer = ask(
        door.url,
        "/api/v3/jobs",
        "Content-Type: multipart/form-data; boundary=x",
        method="POST",
        body=f"{request}{head}--x--\r\n".encode(),
    )
    # As a name, a backslash within quotes and a percent sign are harmless
    assert answer.status in ((202,) if name in ("..\\x", "%2e%2e") else (400, 412))
    assert elsewhere(door) == before
