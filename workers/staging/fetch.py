"""Fetches files over https."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, SSLError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Timeout, make_headers

from ...models.errors import StagingFailed
from ...models.passing import HTTP, PASSING, Said, kind_of
from .allowed import HostRefused, SourceRules
from .errors import StagingDelayed
from .pinned import checked_pools
from .sources import check_redirect, shown
from .spool import Spool, too_large

#: How long a server may take to accept a connection, in seconds.
CONNECT_SECONDS: Final = 10

#: How long a server may be silent, in seconds.
READ_SECONDS: Final = 60

#: How long a whole download may take, in seconds: a server that sends a byte now and then would
#: hold a worker's thread for ever.
DOWNLOAD_SECONDS: Final = 30 * 60

#: How many redirects are followed.
REDIRECTS: Final = 5

_CHUNK_BYTES: Final = 256 * 1024

_REDIRECT: Final = frozenset({301, 302, 303, 307, 308})
_NOT_MODIFIED: Final = 304

#: What will not pass, in words; any other 4xx is told by its number.
_REFUSALS: Final[Mapping[int, str]] = {
    401: "access is denied (HTTP 401)",
    403: "access is denied (HTTP 403)",
    404: "there is no such file (HTTP 404)",
    410: "there is no such file any more (HTTP 410)",
}


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave with a file, to ask it later whether the file is still the same."""

    etag: str | None = None
    last_modified: str | None = None


class WebFetcher:
    """Downloads files; keeps connections, serves any number of threads.

    Arguments:
        rules: What may be fetched; each redirect is held to them, too.
        download_seconds: How long one download may take.
    """

    def __init__(self, rules: SourceRules, download_seconds: float = DOWNLOAD_SECONDS) -> None:
        self._rules, self._download_seconds = rules, download_seconds
        self._pool = urllib3.PoolManager(
            cert_reqs="CERT_REQUIRED",
            timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            # Tried again as a whole, minutes later if need be, by who asks for the job's files.
            retries=False,
            maxsize=8,
        )
        self._pool.pool_classes_by_scheme = checked_pools(rules)

    def fetch(self, uri: str, known: Validators, target: Spool, limit: int) -> Validators | None:
        """Download a file, unless it is the one that is known already.

        Arguments:
            known: What came with the file when it was last downloaded; blank to have it anyway.
            target: Where the content goes.
            limit: The largest size, in bytes.

        Returns the new validators, or None when the file has not changed.

        Raises:
            StagingFailed: The server refuses it, has no such file, redirects to where it must
                not, or the file is too large.
            StagingDelayed: No answer, or one that may be another one later.
        """
        deadline = time.monotonic() + self._download_seconds
        with _web_errors(uri), self._answer(uri, known) as response:
            if response.status == _NOT_MODIFIED:
                return None
            _check_status(uri, response)
            if int(response.headers.get("Content-Length") or 0) > limit:
                raise too_large(uri, limit)
            for chunk in response.stream(_CHUNK_BYTES, decode_content=False):
                target.write(chunk)
                if time.monotonic() > deadline:
                    raise StagingDelayed(shown(uri), "the download takes too long")
            return Validators(response.headers.get("ETag"), response.headers.get("Last-Modified"))

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.clear()

    @contextmanager
    def _answer(self, uri: str, known: Validators) -> Iterator[BaseHTTPResponse]:
        address = uri
        for _ in range(REDIRECTS + 1):
            response = self._ask(address, known)
            try:
                if response.status not in _REDIRECT:
                    yield response
                    return
                location = urljoin(_bare(address), response.headers.get("Location", ""))
            finally:
                response.close()
            check_redirect(address, location)
            address = location
        raise StagingFailed(shown(uri), f"it redirects more than {REDIRECTS} times")

    def _ask(self, address: str, known: Validators) -> BaseHTTPResponse:
        self._rules.check(address)
        # What is staged is what the server keeps, not a compressed form of it.
        headers = {"Accept-Encoding": "identity", "User-Agent": "tagfleet"}
        headers |= _conditions(known) | _credentials(address)
        return self._pool.request(
            "GET", _bare(address), headers=headers, redirect=False, preload_content=False
        )


def _conditions(known: Validators) -> dict[str, str]:
    headers = {}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    return headers


def _credentials(address: str) -> dict[str, str]:
    parts = urlsplit(address)
    if parts.username is None:
        return {}
    return make_headers(basic_auth=f"{unquote(parts.username)}:{unquote(parts.password or '')}")


def _bare(address: str) -> str:
    """The address without credentials, which go into a header of their own."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, parts.query, ""))


def _check_status(uri: str, response: BaseHTTPResponse) -> None:
    status = response.status
    if status == 200:
        return
    if kind_of(Said(status=status), HTTP) in PASSING:
        raise StagingDelayed(shown(uri), f"the server answers HTTP {status}")
    raise StagingFailed(shown(uri), _REFUSALS.get(status, f"the server answers HTTP {status}"))


@contextmanager
def _web_errors(uri: str) -> Iterator[None]:
    """Turn what goes wrong on the way into StagingFailed and StagingDelayed.

    urllib3's own texts are not told: they may hold the whole address, with its signature.
    """
    try:
        yield
    except HostRefused as error:
        raise StagingFailed(shown(uri), str(error)) from error
    except SSLError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise StagingFailed(
                shown(uri), "the server's certificate cannot be verified"
            ) from error
        raise StagingDelayed(shown(uri), "the TLS connection broke") from error
    except LocationValueError as error:
        raise StagingFailed(shown(uri), "it is no address") from error
    except HTTPError as error:
        raise StagingDelayed(shown(uri), _CAUSES.get(type(error).__name__, "no answer")) from error
    except OSError as error:
        # Of the temporary file: a full disk.
        raise StagingDelayed(shown(uri), error.strerror or "the disk") from error


_CAUSES: Final[Mapping[str, str]] = {
    "ConnectTimeoutError": "the server cannot be reached in time",
    "NameResolutionError": "the server's name cannot be resolved",
    "NewConnectionError": "the server refuses the connection",
    "ReadTimeoutError": "the server has fallen silent",
    "ProtocolError": "the connection broke",
    "IncompleteRead": "the connection broke",
}
