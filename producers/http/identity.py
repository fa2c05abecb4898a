"""Who asks, and whether they may: the one place that every request passes before anything is done for it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from flask import Flask, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from ...models import audit
from ...models.settings import Settings
from .problems import Problem
from .security import credentials, proxies, session
from .security.rates import Rates
from .security.roles import Role, is_public, needed_role, view_of
from .services import services


class Means(StrEnum):
    """How a caller has said who they are."""

    NONE = "none"  #: Nobody is asked: the server is on loopback.
    TOKEN = "token"  #: By a token with the request.
    SESSION = "session"  #: By the token that they have signed in to the console with.
    PROXY = "proxy"  #: A proxy in front has asked them.


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Arguments:
        name: None where nobody is asked.
    """

    name: str | None
    role: Role
    means: Means

    def __str__(self) -> str:
        return self.name or "anonymous"

    def may(self, role: Role) -> bool:
        """Whether they may do what needs this role."""
        return self.role >= role

    def check_acts_for(self, user: str, what: str) -> None:
        """Make sure that they may do something that is a user's own.

        Arguments:
            what: What they want to do, after `may`: `submit jobs as bob`.

        Raises:
            Problem: 403, they are somebody else, and no operator.
        """
        if self.name is not None and self.name != user and not self.may(Role.OPERATOR):
            raise Problem(
                403,
                f"{self} is a {self.role} and may not {what}; that needs the role operator.",
                errors=[("user", f"expected {self.name!r}, found {user!r}")],
            )


#: Where nobody is asked, everybody may do all.
ANYBODY = Caller(None, Role.ADMIN, Means.NONE)


def install(app: Flask, settings: Settings) -> None:
    """Ask whoever calls, before each request is looked at."""
    app.extensions["tagfleet-rates"] = Rates(settings.http_rate)
    app.before_request(_check)
    session.install(app)


def caller() -> Caller:
    """Who asks, within a request."""
    found: Caller = g.get("caller", ANYBODY)
    return found


def _check() -> Response | None:
    if request.endpoint is None or request.method == "OPTIONS":
        return None  # nothing is there, or all that is told is what could be asked
    view = view_of(current_app, request.endpoint, request.method)
    if is_public(view):
        return None
    found = _identified(services().settings)
    if found is None:
        return _unknown()
    g.caller = found
    audit.acts(audit.Actor(str(found), str(found.means)))
    # For the access log, which is written by the server when all is done.
    request.environ["tagfleet.user"] = str(found)
    if found.means is not Means.NONE:
        _rates().check(f"user {found}")
    if found.means is not Means.TOKEN:
        session.check_same_site(asks_nobody=found.means is Means.NONE)
    # Where nobody has said what a view needs, it needs all.
    needed = needed_role(view) or Role.ADMIN
    if not found.may(needed):
        raise Problem(403, f"{found} is a {found.role}; this needs the role {needed}.")
    return None


def _identified(settings: Settings) -> Caller | None:
    if not settings.http_auth:
        return ANYBODY
    if "access_token" in request.args or "token" in request.args:
        raise Problem(
            400,
            "A token in an address would end in logs; send it as a header: Authorization: Bearer ...",
        )
    if "tokens" in settings.http_auth:
        if token := credentials.sent_with(request):
            bearer = credentials.known(token)
            return Caller(bearer.user, bearer.role, Means.TOKEN) if bearer else None
        if (token := session.token()) and (bearer := credentials.known(token)):
            return Caller(bearer.user, bearer.role, Means.SESSION)
    if "proxy" in settings.http_auth and (found := proxies.named(request, settings)):
        return Caller(found.user, found.role, Means.PROXY)
    return None


def _unknown() -> Response:
    """The answer to whoever has not said who they are: pages lead to where they can."""
    _rates().check(f"address {_address()}")
    tokens = "tokens" in services().settings.http_auth
    if request.blueprint == "console" and request.method in ("GET", "HEAD") and tokens:
        return redirect(url_for("console.sign_in", next=request.full_path.rstrip("?")), 303)
    how = "Send a token: Authorization: Bearer ..." if tokens else "Come through the proxy."
    raise Problem(
        401,
        f"Nobody knows who asks. {how}",
        headers={"WWW-Authenticate": 'Bearer realm="tagfleet"'} if tokens else None,
    )


def _address() -> str:
    address = ipaddress.ip_address(request.remote_addr or "0.0.0.0")
    # Who has one IPv6 address has 2**64 of them.
    return str(
        ipaddress.ip_network((address, 64), strict=False) if address.version == 6 else address
    )


def _rates() -> Rates:
    found: Rates = current_app.extensions["tagfleet-rates"]
    return found
