"""A request, and all that the decision about it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from ..models.resources import JobRequest
from ..models.snapshot import CatalogSnapshot
from .limits import IDLE, Usage
from .matching import Facts
from .pools import Pool
from .rules import Route, RuleSet


@dataclass(frozen=True, kw_only=True)
class Question:
    """What becomes of this request, by these rules, with this catalog, now?"""

    request: JobRequest
    rules: RuleSet = field(repr=False)
    #: None: only what the rules say is asked.
    catalog: CatalogSnapshot | None = field(repr=False)
    usage: Usage = IDLE
    #: Says which windows hold; it must know its time zone.
    moment: datetime
    #: Decides what is left to chance; the job's id, usually.
    seed: int | str
    #: The tag group whose queue the producer chose; None: the rules say which.
    chosen_group: str | None = None

    @cached_property
    def facts(self) -> Facts:
        """What the rules look at."""
        return Facts.of(self.request)

    @cached_property
    def route(self) -> Route | None:
        """The route that takes the request."""
        return self.rules.route_of(self.facts, self.moment, self.chosen_group)

    @property
    def tag_group(self) -> str | None:
        """Where the request goes: as its producer chose, or as its route says."""
        return self.chosen_group or (self.route.tag_group if self.route else None)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools that are asked for a cluster, in order; none: any cluster will do."""
        pool = self.route.pool if self.route else None
        return self.rules.chain_of(pool) if pool else ()
