"""Finds the rules that may apply to a request without a look at all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeAlias, TypeVar

from .matching import TEXT_KEYS, Facts, Match

#: A key of a match, and a text that stands there: ("user", "ana").
_Term: TypeAlias = tuple[str, str]


class _Conditional(Protocol):
    @property
    def match(self) -> Match: ...

    def applies(self, facts: Facts, moment: datetime) -> bool: ...


R = TypeVar("R", bound=_Conditional)


class RuleIndex(Generic[R]):
    """Rules in their order, by the exact texts of which a request must bear one."""

    def __init__(self, rules: Sequence[R]) -> None:
        self._rules = rules
        #: Those that may apply to anything.
        self._anywhere: list[int] = []
        self._by_term: dict[_Term, list[int]] = {}
        for at, rule in enumerate(rules):
            terms = _needed(rule.match)
            if terms is None:
                self._anywhere.append(at)
            for term in terms or ():
                self._by_term.setdefault(term, []).append(at)

    def applying(self, facts: Facts, moment: datetime) -> Iterator[R]:
        """The rules that apply, in their order."""
        found = set(self._anywhere)
        for term in _borne(facts) if self._by_term else ():
            found.update(self._by_term.get(term, ()))
        for at in sorted(found):
            if self._rules[at].applies(facts, moment):
                yield self._rules[at]


def _needed(match: Match) -> list[_Term] | None:
    """Terms of which a request that matches bears at least one; None when there are none."""
    for key in ("user", "name", "tenant", "grouping"):
        texts = getattr(match, key)
        if texts is not None and texts.any is not None and not texts.any.has_globs:
            return [(key, text) for text in texts.any.literals]
    for key in ("tags", "cluster_tags", "command_tags"):
        tags = getattr(match, key)
        for one in (*tags.all, *([tags.any] if tags.any else [])) if tags is not None else ():
            if not one.has_globs:
                return [(key, text) for text in one.literals]
    return None


def _borne(facts: Facts) -> Iterator[_Term]:
    for key in TEXT_KEYS:
        yield key, getattr(facts, key)
    for tag in facts.tags:
        yield "tags", tag
    for tag in facts.command_tags:
        yield "command_tags", tag
    for tags in facts.cluster_tags:
        for tag in tags:
            yield "cluster_tags", tag
