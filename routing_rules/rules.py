"""The rules of a fleet, as frozen values: what is denied, filled in, forced, limited; what goes where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from typing import ClassVar

from ..models.errors import InvalidInput
from ..models.resources import JobRequest
from .changes import Changes
from .limits import Ceiling, OnExceed
from .matching import Facts, Match
from .pools import Pool
from .rule_index import RuleIndex
from .windows import When


class NoRoute(InvalidInput):
    """The rules have no place for a request."""

    def __init__(self) -> None:
        super().__init__(
            "job request", ["no route of the rules takes it; `tagfleet rules explain` says why"]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TagGroup:
    """A queue of its own, and how it is kept; None leaves it to the fleet."""

    name: str
    #: How many requests may wait in it; its producers are told when there are more.
    max_queued: int | None = None
    #: What a request of the group has that gives no priority, and for which no default does.
    priority: int | None = None
    #: How often a message is given out before it is a dead letter.
    delivery_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules have: a name, and when they apply."""

    #: In a user's words: "route".
    kind: ClassVar[str] = "rule"

    #: No two rules of a set share one.
    name: str
    match: Match = Match()
    #: All of them must hold.
    when: tuple[When, ...] = ()
    disabled: bool = False

    def applies(self, facts: Facts, moment: datetime) -> bool:
        """Whether it applies to such a request at this moment."""
        return (
            not self.disabled
            and self.match.holds(facts)
            and all(when.holds(moment) for when in self.when)
        )

    def covers(self, other: Rule) -> bool:
        """Whether it certainly applies wherever the other one does."""
        return (
            not self.disabled
            and all(when in other.when for when in self.when)
            and self.match.covers(other.match)
        )

    def misses(self, facts: Facts, moment: datetime) -> list[str]:
        """Why it does not apply, in words; empty when it does."""
        off = ["it is disabled"] if self.disabled else []
        wrong_time = [f"it is not {when}" for when in self.when if not when.holds(moment)]
        return off + self.match.misses(facts) + wrong_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny(Rule):
    """Refuses requests."""

    kind: ClassVar[str] = "deny"

    #: What their users are told.
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Default(Rule):
    """Fills in what requests left out."""

    kind: ClassVar[str] = "default"

    set: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Override(Rule):
    """Forces what requests say."""

    kind: ClassVar[str] = "override"

    set: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Rule):
    """Sends requests to a tag group, and to the clusters of a pool."""

    kind: ClassVar[str] = "route"

    tag_group: str
    #: None: any cluster that answers the request.
    pool: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Rule):
    """Holds or rejects requests while there is too much."""

    kind: ClassVar[str] = "limit"

    ceiling: Ceiling
    on_exceed: OnExceed = OnExceed.HOLD


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """All the rules, in their order."""

    tag_groups: tuple[TagGroup, ...]
    pools: Mapping[str, Pool] = field(default_factory=dict)
    deny: tuple[Deny, ...] = ()
    defaults: tuple[Default, ...] = ()
    overrides: tuple[Override, ...] = ()
    #: The first that applies takes the request.
    routes: tuple[Route, ...] = ()
    limits: tuple[Limit, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every tag group that a request may belong to, each once."""
        return tuple(group.name for group in self.tag_groups)

    @property
    def rules(self) -> Iterator[Rule]:
        """All rules, in the order in which a request meets them."""
        return chain(self.deny, self.defaults, self.routes, self.overrides, self.limits)

    def tag_group_of(self, request: JobRequest, moment: datetime | None = None) -> str:
        """The tag group whose queue a request belongs to.

        Arguments:
            moment: Now, unless another is given.

        Raises:
            NoRoute: No route takes the request.
        """
        route = self.route_of(Facts.of(request), moment or datetime.now(UTC))
        if route is None:
            raise NoRoute
        return route.tag_group

    def route_of(
        self, facts: Facts, moment: datetime, tag_group: str | None = None
    ) -> Route | None:
        """The first route that takes such a request.

        Arguments:
            tag_group: Asks only the routes that lead there.
        """
        applying = self._indexed_routes.applying(facts, moment)
        return next(
            (route for route in applying if tag_group in (None, route.tag_group)),
            None,
        )

    def denying(self, facts: Facts, moment: datetime) -> Deny | None:
        """The first rule that refuses such a request."""
        return next(self._indexed_denials.applying(facts, moment), None)

    def chain_of(self, pool: str) -> tuple[Pool, ...]:
        """The pool and those that it falls back to, in order."""
        found: dict[str, Pool] = {}
        at: str | None = pool
        while at is not None and at not in found:
            found[at] = self.pools[at]
            at = found[at].fallback
        return tuple(found.values())

    @cached_property
    def groups(self) -> Mapping[str, TagGroup]:
        """The tag groups by their names."""
        return {group.name: group for group in self.tag_groups}

    @cached_property
    def _indexed_routes(self) -> RuleIndex[Route]:
        return RuleIndex(self.routes)

    @cached_property
    def _indexed_denials(self) -> RuleIndex[Deny]:
        return RuleIndex(self.deny)
