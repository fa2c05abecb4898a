"""Sign in with a token, and sign out."""

from __future__ import annotations

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from ..problems import Problem
from ..security import credentials, session
from ..security.rates import Rates
from ..security.roles import Role, needs, public
from ..services import services
from .base import blueprint, page

#: Guesses of one address; a token cannot be guessed, but each try is a query.
_tries = Rates(rate=1.0)


@blueprint.get("/sign-in", endpoint="sign_in")
@public
def ask() -> str:
    """Where a browser's user says who they are."""
    _check_tokens_are_taken()
    return _form(None)


@blueprint.post("/sign-in", endpoint="do_sign_in")
@public
def sign_in() -> Response | tuple[str, int]:
    """Look at the token; go where the user wanted to go."""
    _check_tokens_are_taken()
    _tries.check(f"address {request.remote_addr}")
    session.check_form()
    token = request.form.get("token", "").strip()
    if credentials.known(token) is None:
        return _form("That token is not valid: it was mistyped, has expired, or was revoked."), 401
    answer = redirect(_next(), 303)
    session.sign_in(answer, token)
    return answer


@blueprint.post("/sign-out", endpoint="sign_out")
@needs(Role.READER)
def sign_out() -> Response:
    """Forget the token in this browser."""
    answer = redirect(url_for("console.sign_in"), 303)
    session.sign_out(answer)
    return answer


def _form(problem: str | None) -> str:
    return page("sign_in.html", "", next=request.values.get("next", ""), problem=problem)


def _next() -> str:
    """Where the user wanted to go: a path of ours, and never another site."""
    wanted = request.form.get("next", "")
    if not wanted.startswith("/") or wanted.startswith(("//", "/\\")) or not wanted.isprintable():
        return url_for("console.overview")
    return wanted


def _check_tokens_are_taken() -> None:
    if "tokens" not in services().settings.http_auth:
        raise Problem(404, "Nobody signs in here: TAGFLEET_HTTP_AUTH has no `tokens`.")
