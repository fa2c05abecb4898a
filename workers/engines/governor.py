"""Asks before each call of EMR whether the account's quota has room for it; all workers share one answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from ...models.database import database
from ...models.quota import ALL, Bucket, Quota, kept_below, reserve_of
from ...monitoring import recorder
from .base import Throttled


@dataclass(frozen=True, slots=True)
class Account:
    """Whose quota a call counts against.

    A role of the fleet's own account has a name of its own here, and so buckets of its own: give either
    all of an account's clusters a role, or none.
    """

    #: The AWS account's number where a role is assumed, else `own`.
    id: str
    region: str

    @classmethod
    def of(cls, role_arn: str | None, region: str) -> Account:
        """The account that the role belongs to (`arn:aws:iam::123456789012:role/name`)."""
        parts = (role_arn or "").split(":")
        return cls(parts[4] if len(parts) > 4 and parts[4] else "own", region)


class Governor(Protocol):
    """Who says whether EMR may be called."""

    def take(self, account: Account, operation: str, *, patience: float = 0.0) -> None:
        """Take one call of the quota.

        Arguments:
            operation: EMR's name for it ("ListSteps").
            patience: How long this may wait for a call to become free, in seconds.

        Raises:
            Throttled: There is none; says how long to wait.
        """

    def drain(self, account: Account, operation: str) -> float:
        """EMR itself has throttled the operation: all workers slow down. Returns how long to wait, in seconds."""


class Ungoverned:
    """Lets every call pass: for an EMR without quotas."""

    def take(self, account: Account, operation: str, *, patience: float = 0.0) -> None:
        """See Governor.take; never raises."""

    def drain(self, account: Account, operation: str) -> float:
        """See Governor.drain; nothing is known of when to come again."""
        return 0.0


class SharedGovernor:
    """One document in MongoDB for an account and region.

    A call costs two commands, one where there is no room, and two more for each other call that came
    in between.

    Arguments:
        quotas: AWS's numbers, by operation, and those of all together; a little of each is left unused.
        clock: Seconds since the epoch; the hosts of a fleet may differ by a few.
        sleep: How it waits where it may.
    """

    def __init__(
        self,
        quotas: Mapping[str, Quota],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._quotas = {name: kept_below(quota) for name, quota in quotas.items()}
        self._clock, self._sleep = clock, sleep

    def take(self, account: Account, operation: str, *, patience: float = 0.0) -> None:
        """See Governor.take."""
        while (wait := self._try(account, operation)) > 0:
            if wait > patience:
                recorder.record_held_back(operation)
                raise Throttled(
                    f"{operation}: the quota of account {account.id} in {account.region} has no room "
                    f"for {wait:.1f} s.",
                    wait=wait,
                )
            self._sleep(wait)
            patience -= wait

    def drain(self, account: Account, operation: str) -> float:
        """See Governor.drain."""
        name = operation if operation in self._quotas else ALL
        path, now = f"buckets.{name}", self._clock()
        change = {"$set": {f"{path}.level": 0.0}, "$max": {f"{path}.at": now}}
        _quotas().update_one({"_id": _key(account)}, change | {"$inc": {"version": 1}})
        return Bucket(0.0, now).wait(self._quotas[name], now)

    def _try(self, account: Account, operation: str) -> float:
        """Take a token of each bucket, or say how long to wait for that."""
        # Each round that is lost was won by another call, so there are no more rounds than tokens.
        while True:
            now = self._clock()
            found = _quotas().find_one({"_id": _key(account)})
            buckets = self._buckets(found, operation, now)
            if wait := self._wait(buckets, operation, now):
                return wait
            taken = {name: bucket.less() for name, bucket in buckets.items()}
            if _store(account, found, taken):
                for name, bucket in taken.items():
                    recorder.record_tokens(account.id, account.region, name, bucket.level)
                return 0.0

    def _buckets(
        self, found: dict[str, Any] | None, operation: str, now: float
    ) -> dict[str, Bucket]:
        stored = found["buckets"] if found else {}
        buckets = {}
        for name in {operation, ALL} & self._quotas.keys():
            quota, was = self._quotas[name], stored.get(name)
            bucket = Bucket(was["level"], was["at"]) if was else Bucket(quota.burst, now)
            buckets[name] = bucket.filled(quota, now)
        return buckets

    def _wait(self, buckets: Mapping[str, Bucket], operation: str, now: float) -> float:
        reserve = reserve_of(operation, self._quotas[ALL])
        return max(
            bucket.wait(self._quotas[name], now, reserve if name == ALL else 0.0)
            for name, bucket in buckets.items()
        )


def open_governor(quotas: Mapping[str, Quota] | None) -> Governor:
    """The governor for these quotas; for None, one that lets every call pass."""
    return Ungoverned() if quotas is None else SharedGovernor(quotas)


def _quotas() -> Collection[dict[str, Any]]:
    return database()["quotas"]


def _key(account: Account) -> str:
    return f"{account.id}/{account.region}"


def _store(account: Account, found: dict[str, Any] | None, buckets: Mapping[str, Bucket]) -> bool:
    """Write the buckets unless somebody has written since; says whether it was done."""
    values = {name: {"level": bucket.level, "at": bucket.at} for name, bucket in buckets.items()}
    if found is None:
        try:
            _quotas().insert_one({"_id": _key(account), "version": 1, "buckets": values})
        except DuplicateKeyError:
            return False
        return True
    done = _quotas().update_one(
        {"_id": _key(account), "version": found["version"]},
        {
            "$set": {f"buckets.{name}": value for name, value in values.items()},
            "$inc": {"version": 1},
        },
    )
    return done.modified_count == 1
