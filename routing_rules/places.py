"""Which places the limits of the rules ask a job to hold, one of each count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..models.resources import JobRequest
from ..models.states import Held
from .limits import PERIODS, OnExceed
from .matching import Facts
from .rules import Limit, RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a limit asks a job to hold."""

    limit: Limit
    #: Whose jobs count together.
    subject: str
    held: Held
    most: int
    #: Of a rate: for how long, in seconds.
    seconds: float | None = None

    @property
    def key(self) -> str:
        """Which count it is: one of each limit, kind and subject."""
        return json.dumps([self.limit.name, self.held, self.limit.ceiling.per, self.subject])

    @property
    def full(self) -> str:
        """What holds a job back, in words."""
        whose = self.limit.ceiling.whose(self.subject)
        if self.limit.ceiling.rate and self.held is Held.RECENT:
            return f"{whose} sent {self.most} requests of {self.limit.ceiling.rate}"
        kind = "queued" if self.held is Held.QUEUED else "running"
        return f"{whose} has {self.most} {kind} jobs of {self.most}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A limit has no room for a job."""

    place: Place

    @property
    def rejects(self) -> bool:
        """Whether the job is refused; else it waits."""
        return self.place.limit.on_exceed is OnExceed.REJECT

    @property
    def reason(self) -> str:
        """In words, for whoever sent the job."""
        return f"The limit {self.place.limit.name} leaves no room: {self.place.full}."


def places_of(
    request: JobRequest, tag_group: str, rules: RuleSet, moment: datetime
) -> Iterator[Place]:
    """The places that a job needs, by the limits that apply to it.

    Arguments:
        moment: Says which windows hold; must know its time zone.
    """
    facts = Facts.of(request)
    for limit in rules.limits:
        if not limit.applies(facts, moment):
            continue
        ceiling = limit.ceiling
        subject = ceiling.subject(facts, tag_group)
        if ceiling.running is not None:
            # What is to be refused cannot wait until it would start.
            held = Held.OPEN if limit.on_exceed is OnExceed.REJECT else Held.RUNNING
            yield Place(limit=limit, subject=subject, held=held, most=ceiling.running)
        if ceiling.queued is not None:
            yield Place(limit=limit, subject=subject, held=Held.QUEUED, most=ceiling.queued)
        if ceiling.rate is not None:
            yield Place(
                limit=limit,
                subject=subject,
                held=Held.RECENT,
                most=ceiling.rate.count,
                seconds=PERIODS[ceiling.rate.period],
            )
