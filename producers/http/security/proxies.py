"""Callers whom a proxy in front has asked, and named in headers."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from flask import Request

from ....models.settings import Settings
from ....models.tokens import Bearer
from ..problems import Problem

#: A user's name: no blanks, and no comma, which is what a server joins two headers with.
_NAME: Final = re.compile(r"[^\s,\x00-\x1f\x7f]{1,255}")


def named(request: Request, settings: Settings) -> Bearer | None:
    """Whom a trusted proxy names; None where none does, or whoever names them is not trusted.

    Raises:
        Problem: 401, the name is none; 403, none of their groups has a role.
    """
    address = ipaddress.ip_address(request.remote_addr or "0.0.0.0")
    if not any(address in network for network in settings.http_trusted_proxies):
        return None
    user = request.headers.get(settings.http_user_header, "").strip()
    if not user:
        return None
    if not _NAME.fullmatch(user):
        raise Problem(
            401, f"The header {settings.http_user_header} holds no user's name: {user[:80]!r}."
        )
    groups = request.headers.get(settings.http_groups_header, "").split(",")
    known = settings.http_roles
    roles = [known[group] for group in ("*", *map(str.strip, groups)) if group in known]
    if not roles:
        raise Problem(
            403,
            f"None of the groups of {user} has a role here (TAGFLEET_HTTP_ROLES); ask your admin.",
        )
    return Bearer(user, max(roles))
