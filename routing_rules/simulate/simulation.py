"""Replays jobs on two sides, as it is and as it would be, and sees what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ...models.snapshot import CatalogSnapshot
from ..rules import RuleSet
from .past_jobs import PastJob
from .replay import Landing, Replay
from .tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """By what jobs are decided."""

    rules: RuleSet = field(repr=False)
    catalog: CatalogSnapshot = field(repr=False)
    #: Where the two come from, in words.
    rules_name: str
    catalog_name: str
    #: SHA-256 over the rule files.
    digest: str = ""
    #: What was changed about the catalog, in words.
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What came out."""

    before: Side
    after: Side
    tally: Tally
    replays: tuple[Replay, Replay]


def simulate(
    jobs: Iterable[PastJob | None],
    before: Side,
    after: Side,
    *,
    moment: datetime,
    all_by_rules: bool = False,
) -> Simulation:
    """Replay the jobs on both sides.

    Arguments:
        jobs: In the order of their times, those without one first; None is counted as left out.
        moment: When jobs without a time are taken to have been sent.
        all_by_rules: Let the rules choose each job's tag group, also where its producer did.

    Raises:
        InvalidInput: A job cannot be read.
    """
    tally = Tally()
    old = Replay(before.rules, before.catalog, _told(tally, 0))
    new = Replay(after.rules, after.catalog, _told(tally, 1))
    for number, job in enumerate(jobs):
        if job is None:
            tally.skipped += 1
            continue
        sent = job.created or moment
        # By these rules, it came elsewhere than they lead: its producer chose so.
        by_producer = (
            not all_by_rules
            and job.rules_digest in (None, before.digest)
            and old.leads_elsewhere(job, sent)
        )
        chosen = job.tag_group if by_producer else None
        tally.add(number, job, by_producer=by_producer)
        old.send(number, job, sent, chosen)
        new.send(number, job, sent, chosen)
    old.finish()
    new.finish()
    return Simulation(before=before, after=after, tally=tally, replays=(old, new))


def _told(tally: Tally, side: int) -> Callable[[Landing], None]:
    return lambda landing: tally.land(side, landing)
