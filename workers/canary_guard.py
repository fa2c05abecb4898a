"""Stops a canary whose jobs fail more often than those of the other clusters of its pool."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Final

from ..models import canaries
from ..models.job import Job
from ..models.snapshot import CatalogSnapshot
from ..models.states import JobStatus
from ..monitoring import recorder
from ..routing_rules.in_force import RulesNow
from ..routing_rules.pools import Canary, Pool

log = logging.getLogger(__name__)

#: Of a pool's jobs, as many of the newest are counted.
NEWEST: Final = 2_000

#: Ends that say something of a cluster; a job that was killed says nothing.
_ENDS: Final = [str(JobStatus.SUCCEEDED), str(JobStatus.FAILED)]


@dataclass(frozen=True, slots=True)
class Record:
    """How the jobs of some clusters ended."""

    ended: int
    failed: int

    @property
    def rate(self) -> float:
        """The share that failed, in percent."""
        return 100 * self.failed / self.ended if self.ended else 0.0

    def __str__(self) -> str:
        return f"{self.failed} of {self.ended} jobs failed ({self.rate:.0f} %)"


def guard(rules: RulesNow, catalog: CatalogSnapshot) -> None:
    """Look at each canary of the rules in force, and stop those that do too badly."""
    watched = {
        name: pool.canary.canary
        for name, pool in rules.rules.pools.items()
        if pool.canary and pool.canary.canary
    }
    if not watched:
        return
    known = {each.pool: each for each in canaries.looked_at(rules.name)}
    for name, canary in watched.items():
        if name not in known:
            _look(rules, rules.rules.pools[name], canary, catalog)
        stopped = name in canaries.stopped_pools(rules.name)
        recorder.record_canary(name, stopped=stopped)


def _look(rules: RulesNow, pool: Pool, canary: Canary, catalog: CatalogSnapshot) -> None:
    own, others = records(rules, pool, catalog)
    why = too_bad(canary, own, others)
    if why is not None and canaries.stop(rules.name, pool.name, why):
        log.error(
            f"The canary of the pool {pool.name} is stopped: {why}. It gets no more jobs. Go on with "
            f"`tagfleet rules canary resume {pool.name}`, or back with `tagfleet rules rollback`.",
            extra={"action": "canary-stopped"},
        )


def too_bad(canary: Canary, own: Record, others: Record) -> str | None:
    """Why a canary is to be stopped, in words; None: it is not, or not enough is known yet."""
    if min(own.ended, others.ended) < canary.after or own.rate <= others.rate + canary.margin:
        return None
    return f"{own} there, of the others {others}; the margin is {canary.margin} points"


def records(rules: RulesNow, pool: Pool, catalog: CatalogSnapshot) -> tuple[Record, Record]:
    """How the jobs went that these rules sent to the pool: on its canary, and on its other clusters."""
    target = pool.canary
    ids = {each.id for each in pool.of_target(target, catalog.clusters)} if target else set()
    newest = (
        Job.objects(
            pool=pool.name,
            rules_digest=rules.digest,
            rules_version=rules.version,
            status__in=_ENDS,
        )
        .order_by("-finished")
        .limit(NEWEST)
        .scalar("cluster_id", "status")
    )
    counts = Counter((cluster in ids, status) for cluster, status in newest)

    def record(is_canary: bool) -> Record:
        failed = counts[is_canary, JobStatus.FAILED]
        return Record(failed + counts[is_canary, JobStatus.SUCCEEDED], failed)

    return record(True), record(False)
