"""What a rule asks of a request: who sent it, what it is called, and which tags it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..models.resources import ID_TAG, NAME_TAG, Criterion, JobRequest
from .patterns import Patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What rules look at; always the request as it was published, so that no rule sees another's work."""

    user: str
    #: The request's `group`; empty when it has none.
    tenant: str
    name: str
    grouping: str
    tags: frozenset[str]
    #: What the command criterion asks for; its id and name are `genie.id:` and `genie.name:` tags.
    command_tags: frozenset[str]
    #: The same for each of the cluster criteria.
    cluster_tags: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, request: JobRequest) -> Facts:
        """The facts of a request."""
        return cls(
            user=request.user,
            tenant=request.group or "",
            name=request.name,
            grouping=request.grouping or "",
            tags=request.tags,
            command_tags=_asked(request.command_criterion),
            cluster_tags=tuple(_asked(each) for each in request.cluster_criteria),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """A text that must match one of some patterns, and none of others."""

    any: Patterns | None = None
    none: Patterns | None = None

    def holds(self, text: str) -> bool:
        """Whether the text is as asked."""
        return (self.any is None or self.any.match(text)) and (
            self.none is None or not self.none.match(text)
        )

    def misses(self, what: str, text: str) -> Iterator[str]:
        """Why it is not."""
        if self.any is not None and not self.any.match(text):
            yield f"{what} is {text!r}, not {self.any}"
        if self.none is not None and self.none.match(text):
            yield f"{what} is {text!r}"

    def covers(self, other: OneOf) -> bool:
        """Whether each text that the other takes is certainly taken here, too."""
        return (
            self.any is None or (other.any is not None and self.any.covers(other.any))
        ) and self._refuses_nothing_of(other)

    @property
    def is_impossible(self) -> bool:
        """Whether it excludes all that it asks for."""
        return self.any is not None and self.none is not None and self.none.covers(self.any)

    def _refuses_nothing_of(self, other: OneOf) -> bool:
        if self.none is None or (other.none is not None and other.none.covers(self.none)):
            return True
        exact = other.any is not None and not other.any.has_globs
        return exact and not self.none.match_any(other.any.literals if other.any else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """Tags that must all be there, of which one must be there, of which none may be there."""

    #: One pattern each.
    all: tuple[Patterns, ...] = ()
    any: Patterns | None = None
    none: Patterns | None = None

    def holds(self, *lists: frozenset[str]) -> bool:
        """Whether one of the lists has all that is asked for, and none has what is excluded."""
        return any(self._has(tags) for tags in lists) and not any(
            self.none is not None and self.none.match_any(tags) for tags in lists
        )

    def misses(self, what: str, *lists: frozenset[str]) -> Iterator[str]:
        """Why the nearest of the lists is not as asked."""
        if not self.holds(*lists):
            yield from min((list(self._lacks(what, tags)) for tags in lists), key=len)
            for tags in lists:
                if self.none is not None and self.none.match_any(tags):
                    found = sorted(filter(self.none.match, tags))
                    yield f"{what} has {', '.join(map(repr, found))}"
                    return

    def covers(self, other: Tags) -> bool:
        """Whether all tags that the other takes are certainly taken here, too."""
        offered = (*other.all, *([other.any] if other.any else ()))
        return (
            all(any(one.covers(each) for each in other.all) for one in self.all)
            and (self.any is None or any(self.any.covers(each) for each in offered))
            and (self.none is None or (other.none is not None and other.none.covers(self.none)))
        )

    @property
    def is_impossible(self) -> bool:
        """Whether it excludes something without which it does not hold."""
        if self.none is None:
            return False
        needed = (*self.all, *([self.any] if self.any else ()))
        return any(self.none.covers(each) for each in needed)

    def _has(self, tags: frozenset[str]) -> bool:
        return (self.any is None or self.any.match_any(tags)) and all(
            one.match_any(tags) for one in self.all
        )

    def _lacks(self, what: str, tags: frozenset[str]) -> Iterator[str]:
        for one in self.all:
            if not one.match_any(tags):
                yield f"{what} has no {one}"
        if self.any is not None and not self.any.match_any(tags):
            yield f"{what} has no {self.any}"


TEXT_KEYS: Final = ("user", "tenant", "name", "grouping")
TAG_KEYS: Final = ("tags", "command_tags", "cluster_tags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a request must bear; all of it must hold, and an empty one always does."""

    user: OneOf | None = None
    tenant: OneOf | None = None
    name: OneOf | None = None
    grouping: OneOf | None = None
    tags: Tags | None = None
    command_tags: Tags | None = None
    #: One of the request's cluster criteria has them; none has those that are excluded.
    cluster_tags: Tags | None = None

    def holds(self, facts: Facts) -> bool:
        """Whether the request bears it all."""
        return (
            (self.user is None or self.user.holds(facts.user))
            and (self.tags is None or self.tags.holds(facts.tags))
            and (self.command_tags is None or self.command_tags.holds(facts.command_tags))
            and (self.cluster_tags is None or self.cluster_tags.holds(*facts.cluster_tags))
            and (self.name is None or self.name.holds(facts.name))
            and (self.tenant is None or self.tenant.holds(facts.tenant))
            and (self.grouping is None or self.grouping.holds(facts.grouping))
        )

    def misses(self, facts: Facts) -> list[str]:
        """Why the request does not match, in words; empty when it does."""
        found: list[str] = []
        for key in TEXT_KEYS:
            if (texts := getattr(self, key)) is not None:
                found += texts.misses(key, getattr(facts, key))
        for key in TAG_KEYS:
            if (tags := getattr(self, key)) is not None:
                value = getattr(facts, key)
                found += tags.misses(key, *(value if key == "cluster_tags" else (value,)))
        return found

    @property
    def is_impossible(self) -> bool:
        """Whether no request can ever match, because of what is excluded."""
        asked = (getattr(self, key) for key in (*TEXT_KEYS, *TAG_KEYS))
        return any(each is not None and each.is_impossible for each in asked)

    def covers(self, other: Match) -> bool:
        """Whether each request that the other takes is certainly taken here, too."""
        for key in (*TEXT_KEYS, *TAG_KEYS):
            mine, its = getattr(self, key), getattr(other, key)
            if mine is not None and (its is None or not mine.covers(its)):
                return False
        return True


def _asked(criterion: Criterion) -> frozenset[str]:
    own = {ID_TAG + criterion.id} if criterion.id else set()
    if criterion.name:
        own.add(NAME_TAG + criterion.name)
    return criterion.tags | own if own else criterion.tags
