"""Tokens of callers over HTTP, in MongoDB: what is kept cannot be turned back into a token."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

import mongoengine as me

from . import audit
from .database import now
from .errors import Fatal
from .roles import Role

#: `tagfleet_<id>_<secret>`: what scanners for leaked secrets can find; the secret has 256 bits.
_TOKEN: Final = re.compile(r"tagfleet_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")

_SECRET_BYTES: Final = 32

#: How exactly it is known when a token was last used.
_USED_EVERY: Final = timedelta(hours=1)


class NoSuchToken(Fatal):
    """No token has this id."""

    def __init__(self, token_id: str) -> None:
        super().__init__(f"There is no token with the id {token_id!r}. See `tagfleet token list`.")


class TokenDocument(me.Document):
    """A token, without its secret."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "tokens",
        "strict": False,
        "auto_create_index": False,
    }

    id: str = me.StringField(primary_key=True)
    user: str = me.StringField(required=True)
    role: str = me.StringField(required=True)
    #: SHA-256 of the secret: it is random, so nothing slower makes it harder to guess.
    digest: str = me.StringField(required=True)
    note: str | None = me.StringField()
    created: datetime = me.DateTimeField(required=True)
    created_by: str = me.StringField(required=True)
    #: None: it never expires.
    expires: datetime | None = me.DateTimeField()
    revoked: datetime | None = me.DateTimeField()
    #: To the hour.
    used: datetime | None = me.DateTimeField()

    @property
    def state(self) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked:
            return "revoked"
        return "expired" if self.expires and self.expires <= now() else "valid"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whoever holds a token that is valid."""

    user: str
    role: Role


def create(
    user: str,
    role: Role,
    *,
    created_by: str,
    lifetime: timedelta | None = None,
    note: str | None = None,
) -> tuple[TokenDocument, str]:
    """Make a token.

    Arguments:
        user: Whom its holder acts as.
        lifetime: For how long it is valid; None: until it is revoked.

    Returns:
        What is kept of it, and the token itself: it cannot be had again.
    """
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    moment = now()
    document = TokenDocument(
        id=secrets.token_hex(6),
        user=user,
        role=str(role),
        digest=_digest(secret),
        note=note,
        created=moment,
        created_by=created_by,
        expires=moment + lifetime if lifetime else None,
    )
    document.save(force_insert=True)
    audit.record("token.create", document.id, after={"user": user, "role": str(role)})
    return document, f"tagfleet_{document.id}_{secret}"


def verify(token: str) -> Bearer | None:
    """Whom a token is of; None if it is none, has expired or was revoked."""
    parts = _TOKEN.fullmatch(token)
    if not parts:
        return None
    token_id, secret = parts.groups()
    found: TokenDocument | None = TokenDocument.objects(id=token_id).first()
    # Compared also where there is none: how long it takes tells nothing.
    same = hmac.compare_digest(found.digest if found else "", _digest(secret))
    if found is None or not same or found.state != "valid":
        return None
    _note_use(found)
    return Bearer(found.user, Role.of(found.role))


def revoke(token_id: str) -> bool:
    """Make a token invalid; every server knows within a second.

    Returns:
        Whether that was news.

    Raises:
        NoSuchToken: There is none.
    """
    if not TokenDocument.objects(id=token_id).first():
        raise NoSuchToken(token_id)
    valid = TokenDocument.objects(id=token_id, revoked__exists=False)
    if not valid.update_one(set__revoked=now()):
        return False
    audit.record("token.revoke", token_id)
    return True


def list_tokens() -> list[TokenDocument]:
    """All tokens, the newest first, revoked and expired ones too."""
    return list(TokenDocument.objects().order_by("-created"))


def _note_use(found: TokenDocument) -> None:
    moment = now()
    if found.used is None or moment - found.used > _USED_EVERY:
        TokenDocument.objects(id=found.id).update_one(set__used=moment)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
