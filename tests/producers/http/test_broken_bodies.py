"""Bodies that come broken, or in another form than they should: each is refused with the reason, on the wire."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest
import requests
from flask.testing import FlaskClient

from tagfleet.producers.http.v3 import examples

CHUNKED = "Content-Type: application/json\r\nTransfer-Encoding: chunked"
PARTS = "Content-Type: multipart/form-data; boundary=x"


@pytest.mark.parametrize("body", ["zz\r\n{}\r\n0\r\n\r\n", "5\r\n{}\r\n0\r\n\r\n"])
def test_chunks_of_a_wrong_length_are_a_bad_request(url: str, body: str) -> None:
    """Given chunks whose length is wrong; then it is the client's mistake, not the server's."""
    answer = _sent(url, CHUNKED, body)

    assert answer["status"] == 400


def test_chunks_are_as_good_as_a_whole(url: str) -> None:
    """Given a request in chunks; then it is read to its end."""
    answer = _sent(url, CHUNKED, '3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n')

    assert answer["status"] == 412
    assert {"field": "a", "detail": "unknown field"} in answer["errors"]


def test_a_form_that_breaks_off_is_a_bad_request(url: str) -> None:
    """Given a form without its end; then nothing of it is taken on."""
    part = (
        f'--x\r\nContent-Disposition: form-data; name="request"\r\n\r\n{json.dumps(examples.JOB)}'
    )

    answer = _sent(url, f"{PARTS}\r\nContent-Length: {len(part)}", part)

    assert answer["status"] == 400


def test_an_attachment_without_a_file_name_is_refused(url: str, http: requests.Session) -> None:
    """Given an attachment that is sent as text; then it is not left out in silence."""
    form = {"request": (None, json.dumps(examples.JOB)), "attachment": (None, "words")}

    answer = http.post(f"{url}/api/v3/jobs", files=form)

    assert answer.status_code == 400
    assert "attachment=@file" in answer.json()["detail"]


def test_a_body_that_is_too_large_is_said_to_be(url: str, http: requests.Session) -> None:
    """Given chunks that are more than a body may have; then the client reads why they are refused."""
    answer = http.post(
        f"{url}/api/v3/jobs",
        data=(b" " * size for size in [1024 * 1024] * 8 + [1]),
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 413
    assert answer.json()["status"] == 413


@pytest.mark.parametrize("levels", [250, 900, 100_000])
def test_what_is_nested_too_deeply_is_a_bad_request(client: FlaskClient, levels: int) -> None:
    """Given lists in lists, as many as can just be read, or more; then nothing that is done with them fails."""
    deep = "[" * levels + "]" * levels
    path = f"/api/v3/applications/{examples.APPLICATION['id']}"
    client.post("/api/v3/applications", json=examples.APPLICATION)

    replaced = client.put(path, data=f'{{"id": {deep}}}', content_type="application/json")
    patched = client.patch(
        path,
        data=f'[{{"op": "add", "path": "/metadata", "value": {{"a": {deep}}}}}]',
        content_type="application/json",
    )

    assert [replaced.status_code, patched.status_code] == [400, 400]
    assert client.get(path).status_code == 200


def _sent(url: str, headers: str, body: str) -> dict[str, object]:
    """The problem document that a request is answered with, which is sent as it stands."""
    host = urlsplit(url)
    assert host.hostname
    assert host.port
    with socket.create_connection((host.hostname, host.port), timeout=30) as line:
        head = f"POST /api/v3/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n\r\n"
        line.sendall((head + body).encode())
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    found: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found
