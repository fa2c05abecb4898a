"""What a web server may do, and what comes of it."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagfleet.models.errors import StagingFailed
from tagfleet.workers.staging import StagingDelayed
from tagfleet.workers.staging.fetch import REDIRECTS, Validators, WebFetcher
from tagfleet.workers.staging.sources import check_redirect
from tagfleet.workers.staging.spool import Spool

from .conftest import THIS_MACHINE
from .web import WebServer

NEW = Validators()
LIMIT = 1_000_000


@pytest.fixture
def fetcher() -> Iterator[WebFetcher]:
    """A fetcher."""
    made = WebFetcher(THIS_MACHINE)
    yield made
    made.close()


def fetched(fetcher: WebFetcher, uri: str, limit: int = LIMIT) -> bytes:
    """The content of an address."""
    with Spool(uri, limit) as spool:
        fetcher.fetch(uri, NEW, spool, limit)
        spool.content.seek(0)
        return spool.content.read()


def test_a_file_comes_with_its_size_and_its_digest(fetcher: WebFetcher, web: WebServer) -> None:
    web.files["/x"] = b"content"
    with Spool("x", LIMIT) as spool:
        validators = fetcher.fetch(web.url("/x"), NEW, spool, LIMIT)
        assert (spool.size, spool.sha256) == (7, hashlib.sha256(b"content").hexdigest())
    assert validators
    assert validators.etag == f'"{hashlib.md5(b"content").hexdigest()}"'


def test_an_unchanged_file_is_not_sent(fetcher: WebFetcher, web: WebServer) -> None:
    web.files["/x"] = b"content"
    with Spool("x", LIMIT) as spool:
        known = fetcher.fetch(web.url("/x"), NEW, spool, LIMIT)
        assert known
        assert fetcher.fetch(web.url("/x"), known, spool, LIMIT) is None
    assert web.bytes_sent == 7


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, "denied"), (403, "denied"), (404, "no such file"), (410, "no such file"), (418, "418")],
)
def test_a_refusal_is_told_in_words(
    fetcher: WebFetcher, web: WebServer, status: int, why: str
) -> None:
    web.statuses["/x"] = status
    with pytest.raises(StagingFailed, match=why):
        fetched(fetcher, web.url("/x"))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_a_server_that_cannot_now_is_asked_later(
    fetcher: WebFetcher, web: WebServer, status: int
) -> None:
    web.statuses["/x"] = status
    with pytest.raises(StagingDelayed, match=str(status)):
        fetched(fetcher, web.url("/x"))


def test_a_refused_connection_is_tried_later(fetcher: WebFetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(StagingDelayed, match="refuses the connection"):
        fetched(fetcher, f"http://127.0.0.1:{port}/x")


def test_a_broken_connection_is_no_short_file(fetcher: WebFetcher, web: WebServer) -> None:
    web.files["/x"] = b"x" * 1000
    web.broken.add("/x")
    with pytest.raises(StagingDelayed, match="connection broke"):
        fetched(fetcher, web.url("/x"))


def test_a_download_without_an_end_is_given_up(web: WebServer) -> None:
    web.files["/x"] = b"x"
    hurried = WebFetcher(THIS_MACHINE, download_seconds=-1)
    with pytest.raises(StagingDelayed, match="too long"):
        fetched(hurried, web.url("/x"))
    hurried.close()


def test_a_file_over_the_limit_is_not_even_begun(fetcher: WebFetcher, web: WebServer) -> None:
    web.files["/x"] = b"x" * 101
    with pytest.raises(StagingFailed, match="larger than 100 bytes"):
        fetched(fetcher, web.url("/x"), limit=100)


def test_a_file_that_grows_over_the_limit_is_stopped() -> None:
    with Spool("https://user:secret@host/x", 10) as spool:
        spool.write(b"12345")
        with pytest.raises(StagingFailed, match=r"https://\*\*\*@host/x: it is larger"):
            spool.write(b"123456")


def test_redirects_are_followed(fetcher: WebFetcher, web: WebServer) -> None:
    web.redirects |= {"/a": "/b", "/b": web.url("/c")}
    web.files["/c"] = b"content"
    assert fetched(fetcher, web.url("/a")) == b"content"


def test_too_many_redirects_are_not(fetcher: WebFetcher, web: WebServer) -> None:
    web.redirects["/a"] = "/a"
    with pytest.raises(StagingFailed, match="redirects more than"):
        fetched(fetcher, web.url("/a"))
    assert len(web.requests) == REDIRECTS + 1


@pytest.mark.parametrize(
    "target", ["http://host.example/x", "ftp://host/x", "file:///etc/passwd", "s3://bucket/key"]
)
def test_a_redirect_to_anything_but_https_is_refused(
    fetcher: WebFetcher, web: WebServer, target: str
) -> None:
    web.redirects["/a"] = target
    with pytest.raises(StagingFailed):
        fetched(fetcher, web.url("/a"))


def test_credentials_of_an_address_are_sent_as_such(fetcher: WebFetcher, web: WebServer) -> None:
    web.files["/x"] = b"content"
    uri = web.url("/x").replace("//", "//us%40er:pass%3Aword@")
    assert fetched(fetcher, uri) == b"content"
    [(_, headers)] = web.requests
    sent = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert sent == "us@er:pass:word"


def test_credentials_do_not_follow_a_redirect(fetcher: WebFetcher, web: WebServer) -> None:
    web.redirects["/a"] = "/b"
    web.files["/b"] = b"content"
    fetched(fetcher, web.url("/a").replace("//", "//user:secret@"))
    assert "authorization" in web.requests[0][1]
    assert "authorization" not in web.requests[1][1]


def test_an_error_does_not_tell_a_secret(fetcher: WebFetcher, web: WebServer) -> None:
    web.statuses["/x"] = 404
    uri = web.url("/x?signature=secret").replace("//", "//user:secret@")
    with pytest.raises(StagingFailed) as failed:
        fetched(fetcher, uri)
    assert "secret" not in str(failed.value)
    assert "/x?***" in str(failed.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(
    fetcher: WebFetcher, secure_web: WebServer
) -> None:
    secure_web.files["/x"] = b"content"
    with pytest.raises(StagingFailed, match="certificate cannot be verified"):
        fetched(fetcher, secure_web.url("/x"))
    assert secure_web.requests == []


def test_a_trusted_certificate_is_accepted(
    fetcher: WebFetcher,
    secure_web: WebServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given an authority that the system trusts (OpenSSL reads this variable)
    monkeypatch.setenv(ssl.get_default_verify_paths().openssl_cafile_env, str(certificate))
    secure_web.files["/x"] = b"content"
    assert fetched(fetcher, secure_web.url("/x")) == b"content"


def test_a_server_out_there_cannot_redirect_to_this_machine() -> None:
    for target in ("https://localhost/x", "http://127.0.0.1/x", "https://[::1]/x"):
        with pytest.raises(StagingFailed, match="this machine"):
            check_redirect("https://host.example/x", target)
    check_redirect("https://host.example/x", "https://other.example/x")
