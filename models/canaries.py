"""The canaries that were stopped: which pool's, under which rules, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import mongoengine as me
from pymongo.errors import DuplicateKeyError

from . import audit
from .database import now


class StoppedCanary(me.Document):
    """A canary that gets no more jobs, until somebody lets it go on or applies other rules."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "stopped_canaries",
        "strict": False,
        "auto_create_index": False,
    }

    id: str = me.StringField(primary_key=True)
    #: What the rules are told apart by, under which it ran.
    rules: str = me.StringField(required=True)
    pool: str = me.StringField(required=True)
    reason: str = me.StringField(required=True)
    stopped: datetime = me.DateTimeField(required=True)
    resumed: datetime | None = me.DateTimeField()
    resumed_by: str | None = me.StringField()


def stop(rules: str, pool: str, reason: str) -> bool:
    """Stop a pool's canary; one that was stopped before and let go on is not stopped again.

    Returns:
        Whether it was stopped now.
    """
    document = StoppedCanary(
        id=_id(rules, pool), rules=rules, pool=pool, reason=reason, stopped=now()
    )
    try:
        StoppedCanary._get_collection().insert_one(document.to_mongo())
    except DuplicateKeyError:
        return False
    return True


def resume(rules: str, pool: str, *, by: str) -> bool:
    """Let a stopped canary go on, for as long as these rules are in force.

    Returns:
        False when it was not stopped.
    """
    found = StoppedCanary.objects(id=_id(rules, pool), resumed__exists=False)
    if not found.update_one(set__resumed=now(), set__resumed_by=by):
        return False
    audit.record("rules.canary.resume", pool, after={"by": by})
    return True


def looked_at(rules: str) -> list[StoppedCanary]:
    """Those that were stopped under these rules, also if they were let go on."""
    return list(StoppedCanary.objects(rules=rules).order_by("pool"))


def stopped_pools(rules: str) -> frozenset[str]:
    """The pools whose canary gets no more jobs under these rules."""
    return frozenset(StoppedCanary.objects(rules=rules, resumed__exists=False).scalar("pool"))


def _id(rules: str, pool: str) -> str:
    return f"{rules}/{pool}"
