"""Signed in with a browser: the cookie, and what keeps other sites from using it."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, g, request
from werkzeug.wrappers import Response

from ..problems import Problem

#: Holds the token: it is looked up with each request, so revoking it ends the session.
COOKIE: Final = "tagfleet_session"

#: How long a browser stays signed in, in seconds.
SESSION_SECONDS: Final = 12 * 3600

#: Holds what each form must repeat: no other site can read it.
CSRF_COOKIE: Final = "tagfleet_csrf"

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: Flask) -> None:
    """Make `csrf_token()` known to templates, and keep what it gave."""
    app.jinja_env.globals["csrf_token"] = csrf_token
    app.after_request(_keep_csrf)


def token() -> str | None:
    """The token that the caller has signed in with."""
    return request.cookies.get(COOKIE)


def sign_in(response: Response, token: str) -> None:
    """Keep a token, which is valid, in the caller's browser."""
    _set(response, COOKIE, token, SESSION_SECONDS)


def sign_out(response: Response) -> None:
    """Take it from there."""
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict")


def csrf_token() -> str:
    """What the form of a page sends back in its field `csrf`."""
    if "csrf" not in g:
        found = request.cookies.get(CSRF_COOKIE, "")
        g.csrf = found if len(found) == 43 else secrets.token_urlsafe(32)
    value: str = g.csrf
    return value


def check_form() -> None:
    """Make sure that a form was sent by a page of ours.

    Raises:
        Problem: 403, it was not.
    """
    kept, sent = request.cookies.get(CSRF_COOKIE, ""), request.form.get("csrf", "")
    if not (kept and hmac.compare_digest(kept.encode(), sent.encode())):
        raise Problem(
            403,
            "The form was not sent from a page of this server, or its page is too old: go back, load it again, "
            "and send it once more. The browser has to take cookies.",
        )


def check_same_site(*, asks_nobody: bool) -> None:
    """Make sure that no other site sends what a browser adds a caller's rights to.

    Arguments:
        asks_nobody: Whoever reaches the server may do all: only names that mean this machine may lead here.

    Raises:
        Problem: 403, one does; 400, the name by which the server is called is not one of its own.
    """
    if asks_nobody and not _is_local(request.host):
        raise Problem(
            400,
            f"This server asks nobody who they are, and so is not called {request.host[:80]!r}: use an address, or "
            "localhost.",
        )
    if request.method in _SAFE:
        return
    # Browsers say it themselves (Fetch Metadata); those that do not, or not on plain HTTP, send an Origin.
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    foreign = (
        site not in ("same-origin", "none")
        if site
        else origin is not None and urlsplit(origin).netloc != request.host
    )
    if foreign:
        raise Problem(403, f"Another site ({origin or site}) may not do this in a caller's name.")
    if request.blueprint == "console":
        check_form()


def _is_local(host: str) -> bool:
    # A name of another's can be made to lead here (DNS rebinding); an address cannot.
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _keep_csrf(response: Response) -> Response:
    if "csrf" in g and g.csrf != request.cookies.get(CSRF_COOKIE):
        _set(response, CSRF_COOKIE, g.csrf, None)
    return response


def _set(response: Response, name: str, value: str, seconds: int | None) -> None:
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="Strict", secure=request.is_secure
    )
