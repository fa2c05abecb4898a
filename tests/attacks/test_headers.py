"""Line ends in ids and names: no header, and no line of a log, is begun by whoever asks."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
import requests

from .conftest import Door
from .raw import ask

LINE = "x\r\nX-Evil: 1\r\n\r\n<script>"


@pytest.mark.parametrize("place", ["/{}", "/api/v3/jobs/{}", "/api/v3/jobs/victim/output/{}",
                                   "/api/v3/clusters/{}/commands", "/jobs/{}"])  # fmt: skip
def test_a_path_begins_no_header(door: Door, place: str) -> None:
    answer = ask(door.url, place.format(quote(LINE, safe="")))
    assert answer.status in (400, 404)
    assert not [line for line in answer.headers if line.startswith("x-evil")]


@pytest.mark.parametrize("field", ["id", "user"])
@pytest.mark.parametrize("text", ["x\r\nX-Evil: 1", "x\nX-Evil: 1", "x\x85y", "x\u2028y", "x\x00y"])
def test_an_id_with_a_line_end_is_refused(door: Door, field: str, text: str) -> None:
    answer = door.submit(**{field: text})
    if answer.status_code == 202:  # no line end in a header
        assert "\r" not in answer.headers["Location"]
        assert answer.headers["Location"].isascii()
        assert "X-Evil" not in answer.headers
    else:
        assert answer.status_code == 412


def test_a_strange_id_is_encoded_in_its_location(door: Door) -> None:
    answer = door.submit(id='a b?c#d;é"<')
    assert answer.status_code == 202
    location = answer.headers["Location"]
    assert location.isascii()
    assert not set(location) & set(' "<')
    assert requests.get(location, timeout=60).json()["id"] == 'a b?c#d;é"<'


@pytest.mark.parametrize("host", ["evil.example", "evil.example/x", "a@b", "<script>", "x y"])
def test_the_host_of_a_request_is_no_markup_and_no_credentials(door: Door, host: str) -> None:
    answer = ask(door.url, "/api/v3/jobs", f"X-Forwarded-Host: {host}", "X-Forwarded-Proto: gopher")
    assert answer.status == 200
    assert host not in json.dumps(answer.json["_links"])


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding: xchunked"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: -1"],
        ["Content-Length: 1e3"],
        ["X-A : 1"],
        [" folded: 1"],
    ],
)
def test_a_request_that_two_servers_could_read_in_two_ways_is_refused(
    door: Door, headers: list[str]
) -> None:
    answer = ask(door.url, "/api/v3/jobs", *headers, "Content-Type: application/json")
    assert answer.status in (400, 405, 501)


def test_a_line_of_the_log_is_one_line(door: Door) -> None:
    begin = door.process.log.stat().st_size
    forged = '{"level": "ERROR", "message": "forged"}'
    for path in (f"/x%0a{quote(forged)}%0a", f"/api/v3/jobs/x%0d%0a{quote(forged)}"):
        ask(door.url, path, f"User-Agent: a\t{forged}")
    door.submit(name=f"x\n{forged}\n", description=f"\n{forged}\n")
    with door.process.log.open() as file:
        file.seek(begin)
        lines = [json.loads(line) for line in file]
    assert lines
    assert not [line for line in lines if line["message"] == "forged"]
    assert all(line["logger"] for line in lines)
