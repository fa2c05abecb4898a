"""Bodies that are too large, too deep, too slow, or larger than they look."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
import requests

from .conftest import REQUEST, Door
from .raw import ask, connected, read

JSON = "Content-Type: application/json"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x-unknown"])
def test_an_encoded_body_is_not_unpacked(door: Door, encoding: str) -> None:
    # Given 10 MB that are sent as 10 KB
    packed = gzip.compress(json.dumps({**REQUEST, "description": " " * 10_000_000}).encode())
    body = zlib.compress(b" " * 10_000_000) if encoding == "deflate" else packed
    # When
    answer = ask(
        door.url, "/api/v3/jobs", JSON, f"Content-Encoding: {encoding}", method="POST", body=body
    )
    # Then
    assert answer.status == 415
    assert answer.header("Accept-Encoding") == "identity"


def test_identity_is_no_encoding(door: Door) -> None:
    body = json.dumps({**REQUEST, "id": "identity"}).encode()
    answer = ask(
        door.url, "/api/v3/jobs", JSON, "Content-Encoding: identity", method="POST", body=body
    )
    assert answer.status == 202


@pytest.mark.parametrize("path", ["/api/v3/jobs", "/api/v3/clusters", "/api/v3/jobs/victim"])
def test_a_body_over_the_limit_is_refused_before_it_is_read(door: Door, path: str) -> None:
    # Given a client that promises ten terabytes, and sends nothing of them
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{JSON}\r\n"
    with connected(door.url) as client:
        client.sendall(f"{head}Content-Length: 10000000000000\r\n\r\n".encode())
        assert read(client).status in (405, 413)


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off(door: Door) -> None:
    # Given chunks without an end; the server stops to listen before
    def chunks():
        for _ in range(1000):
            yield b"x" * 10_000

    try:
        answer = requests.post(
            f"{door.url}/api/v3/jobs", data=chunks(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413
    except requests.ConnectionError:
        pass  # it closed while the client was still talking


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 50_000,
        b'{"a":' * 15_000,
        b'{"name": "\xff\xfe"}',
        b'{"name": "\\ud800"}',
        b"1" * 90_000,
        b'{"version": ' + b"9" * 5000 + b"}",
        b'{"timeout": 1e400}',
        b'{"timeout": -1e400}',
        b"NaN",
        b"\x00",
        b"\xef\xbb\xbf{}",
        b'{"id": "a", "id": "b"}',
        b"null",
        b'"text"',
        b"[]",
    ],
)
@pytest.mark.parametrize("path", ["/api/v3/jobs", "/api/v3/clusters"])
def test_json_that_is_none_or_too_much_is_refused(door: Door, path: str, body: bytes) -> None:
    answer = ask(door.url, path, JSON, method="POST", body=body)
    assert answer.status in (400, 412)
    assert answer.header("Content-Type") == "application/problem+json"


def test_a_thousand_parts_are_refused(door: Door) -> None:
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="f{number}"\r\n\r\nx\r\n'
        for number in range(1500)
    )
    answer = ask(
        door.url,
        "/api/v3/jobs",
        "Content-Type: multipart/form-data; boundary=x",
        method="POST",
        body=f"{parts}--x--\r\n".encode(),
    )
    assert answer.status == 413


@pytest.mark.parametrize("target", ["/" + "a" * 9000, "/api/v3/jobs?" + "a=b&" * 3000])
def test_a_request_line_over_the_limit_is_refused(door: Door, target: str) -> None:
    assert ask(door.url, target).status in (400, 414)


def test_headers_over_the_limit_are_refused(door: Door) -> None:
    assert ask(door.url, "/healthz", f"X-A: {'a' * 9000}").status in (400, 431)
    assert ask(door.url, "/healthz", *(f"X-{n}: a" for n in range(200))).status in (400, 431)
