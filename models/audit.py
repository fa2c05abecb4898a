"""Who changed what, and when: records in MongoDB that nothing of ours changes or deletes.

A record is written when its change is done: of a process that dies between the two, the change is there
without its record.
"""

from __future__ import annotations

import getpass
import json
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

import mongoengine as me

from .database import now

#: More than that is not kept of one side of a change, in characters.
_MOST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something.

    Arguments:
        means: How they said who they are: `token`, `session`, `proxy`; `none` where nobody is asked; `cli`.
    """

    who: str
    means: str


class AuditDocument(me.Document):
    """One thing that somebody did."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "audit",
        "strict": False,
        "auto_create_index": False,
        "indexes": [{"fields": ["-time"]}],
    }

    id: str = me.StringField(primary_key=True)
    time: datetime = me.DateTimeField(required=True)
    who: str = me.StringField(required=True)
    means: str = me.StringField(required=True)
    #: `cluster.drain`, `job.kill`, ...
    action: str = me.StringField(required=True)
    subject: str = me.StringField(required=True)
    #: As JSON text: the catalog's metadata has keys of its users' own choosing.
    before_json: str | None = me.StringField()
    after_json: str | None = me.StringField()

    def row(self) -> dict[str, Any]:
        """The record as JSON data."""
        return {
            "time": self.time.isoformat(timespec="milliseconds"),
            "who": self.who,
            "means": self.means,
            "action": self.action,
            "subject": self.subject,
            "before": _data(self.before_json),
            "after": _data(self.after_json),
        }


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def acts(actor: Actor) -> None:
    """Say who does what is done next in this thread; until then it is the user of this process."""
    _actor.set(actor)


def record(
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Note what was just done.

    Arguments:
        action: `cluster.drain`, `job.kill`, ...
        subject: The id of what it was done to.
        before, after: What changed, without secrets; of both, only where they differ.
    """
    actor = _actor.get() or Actor(_process_user(), "cli")
    old, new = dict(before or {}), dict(after or {})
    if before is not None and after is not None:
        same = {name for name in old if name in new and old[name] == new[name]}
        old, new = ({k: v for k, v in each.items() if k not in same} for each in (old, new))
    AuditDocument(
        id=str(uuid.uuid4()),
        time=now(),
        who=actor.who,
        means=actor.means,
        action=action,
        subject=subject,
        before_json=_text(old) if before is not None else None,
        after_json=_text(new) if after is not None else None,
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


def _text(found: Mapping[str, Any]) -> str:
    text = json.dumps(found, default=str, sort_keys=True)
    return text if len(text) <= _MOST else json.dumps({"tooLong": len(text)})


def _data(text: str | None) -> Any:
    return json.loads(text) if text is not None else None


def _process_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"  # a container may run under a number that has no name
