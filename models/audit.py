"""Who changed what, and when: records in MongoDB that nothing of ours changes or deletes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

import mongoengine as me

from .database import now


class AuditDocument(me.Document):
    """One thing that somebody did."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "audit",
        "strict": False,
        "auto_create_index": False,
    }

    id: str = me.StringField(primary_key=True)
    time: datetime = me.DateTimeField(required=True)
    who: str = me.StringField(required=True)
    #: How they said who they are: `token`, `session`, `proxy`, `none`, `cli`.
    means: str = me.StringField(required=True)
    #: `cluster.drain`, `job.kill`, ...
    action: str = me.StringField(required=True)
    subject: str = me.StringField(required=True)
    before: dict[str, Any] | None = me.DictField(null=True, default=None)
    after: dict[str, Any] | None = me.DictField(null=True, default=None)


def record(
    who: str,
    means: str,
    action: str,
    subject: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Note what somebody did.

    Arguments:
        subject: The id of what it was done to.
        before, after: What changed, without secrets: the caller leaves them out.
    """
    AuditDocument(
        id=str(uuid.uuid4()),
        time=now(),
        who=who,
        means=means,
        action=action,
        subject=subject,
        before=before,
        after=after,
    ).save(force_insert=True)


def list_records(
    *, who: str | None = None, action: str | None = None, subject: str | None = None, limit: int
) -> list[AuditDocument]:
    """What was done, the latest first.

    Arguments:
        who, action, subject: Only what is exactly this; None for any.
        limit: So many at most.
    """
    wanted = {"who": who, "action": action, "subject": subject}
    given = {name: value for name, value in wanted.items() if value is not None}
    return list(AuditDocument.objects(**given).order_by("-time", "id").limit(limit))
