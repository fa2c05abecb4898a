"""Who may act for a cluster: a lease with an epoch that rises with each holder, in MongoDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from .database import database, now
from .errors import LeaseLost

#: The name of the leader's lease: who holds it rings for what waits.
CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that this worker holds.

    Holders compare each other's times by their own clocks: the hosts of a fleet must agree to within
    a few seconds (NTP), and nothing is done in a lease's last seconds (see `check`).
    """

    name: str
    holder: str
    #: Rises by one with each holder, so that what an old holder still writes can be told apart.
    epoch: int
    until: datetime
    #: When the last pass under this lease looked at the cluster; None before the first one.
    swept_at: datetime | None
    #: How many steps one call may add, where the pass before saw a batch refused.
    batch_limit: int | None = None

    def check(self, seconds: float) -> None:
        """Make sure that the lease is ours for that long; extends it when it would not be.

        Arguments:
            seconds: How long what is about to be done may take.

        Raises:
            LeaseLost: Another worker took over.
        """
        found = database()["leases"].update_one(
            {"_id": self.name, "epoch": self.epoch, "until": {"$gt": now()}},
            {"$max": {"until": now() + timedelta(seconds=seconds)}},
        )
        if found.matched_count == 0:
            raise LeaseLost(f"{self.holder} no longer holds the lease of {self.name}.")

    def release(
        self,
        *,
        swept_at: datetime | None = None,
        rest_until: datetime | None = None,
        note: str | None = None,
        batch_limit: int | None = None,
    ) -> None:
        """Give it back.

        Arguments:
            swept_at: When the cluster was last looked at.
            rest_until: Until when to leave it alone.
            note: What the jobs that wait there wait for, in words.
            batch_limit: How many steps one call may add.
        """
        change: dict[str, Any] = {
            "until": now() - timedelta(seconds=1),
            "batch_limit": batch_limit,
        }
        if swept_at:
            change["swept_at"] = swept_at
        if rest_until:
            change["rest_until"] = rest_until
        if note:
            change["note"] = note
        database()["leases"].update_one({"_id": self.name, "epoch": self.epoch}, {"$set": change})


def acquire(name: str, holder: str, seconds: float) -> Lease | None:
    """Take the lease, or return None when another worker holds it.

    Arguments:
        name: What it is for: a cluster's id, or `clock`.
        holder: This worker, as its log names it.
        seconds: How long it is ours unless it is released before.
    """
    leases = database()["leases"]
    moment = now()
    until = moment + timedelta(seconds=seconds)
    found = leases.find_one({"_id": name})
    if found is None:
        try:
            leases.insert_one({"_id": name, "holder": holder, "epoch": 1, "until": until})
        except DuplicateKeyError:
            return None
        return Lease(name, holder, 1, until, None)
    if found["until"] > moment:
        return None
    epoch = int(found["epoch"])
    taken = leases.update_one(
        {"_id": name, "epoch": epoch, "until": found["until"]},
        {"$set": {"holder": holder, "until": until, "epoch": epoch + 1}},
    )
    if taken.modified_count == 0:
        return None
    limit = found.get("batch_limit")
    return Lease(name, holder, epoch + 1, until, _swept_at(found), limit)


def wake(name: str) -> None:
    """Make a look at the cluster due at once: what was seen there before counts no more, nor does its rest.

    A pass that is under way may have looked before this: the next one looks again.
    """
    database()["leases"].update_one(
        {"_id": name}, {"$set": {"woken": now()}, "$unset": {"swept_at": "", "rest_until": ""}}
    )


def _swept_at(found: Mapping[str, Any]) -> datetime | None:
    swept_at: datetime | None = found.get("swept_at")
    woken: datetime | None = found.get("woken")
    return None if swept_at and woken and woken >= swept_at else swept_at


@dataclass(frozen=True, slots=True)
class LeaseState:
    """What anybody may know of a lease."""

    held: bool
    epoch: int
    swept_at: datetime | None
    #: Who holds it, or held it last.
    holder: str = ""
    #: The cluster takes no steps before this.
    rest_until: datetime | None = None
    #: What the jobs that wait there wait for, in words.
    note: str | None = None


#: The state of a lease that nobody has held yet.
NEVER_HELD = LeaseState(held=False, epoch=0, swept_at=None)


def look(names: list[str]) -> dict[str, LeaseState]:
    """The states of these leases; one that nobody has held yet is left out."""
    moment = now()
    return {
        found["_id"]: LeaseState(
            held=found["until"] > moment,
            epoch=int(found["epoch"]),
            swept_at=_swept_at(found),
            holder=found["holder"],
            rest_until=found.get("rest_until"),
            note=found.get("note"),
        )
        for found in database()["leases"].find({"_id": {"$in": names}})
    }
