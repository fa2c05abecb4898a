"""Texts as rules name them: exact ones, and globs in which `*` and `?` stand for others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Patterns:
    """Several patterns, of which one must match."""

    #: As they are written in the file, sets spelled out.
    texts: tuple[str, ...]
    literals: frozenset[str] = field(init=False, compare=False, repr=False)
    _globs: re.Pattern[str] | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        globs = [text for text in self.texts if is_glob(text)]
        object.__setattr__(self, "literals", frozenset(self.texts) - frozenset(globs))
        compiled = re.compile("|".join(map(_expression, globs)), re.DOTALL) if globs else None
        object.__setattr__(self, "_globs", compiled)

    def match(self, text: str) -> bool:
        """Whether one of them matches the whole text; exact, and case-sensitive."""
        return text in self.literals or (
            self._globs is not None and self._globs.fullmatch(text) is not None
        )

    def match_any(self, texts: Iterable[str]) -> bool:
        """Whether one of them matches one of the texts."""
        return not self.literals.isdisjoint(texts) or (
            self._globs is not None and any(map(self._globs.fullmatch, texts))
        )

    @property
    def has_globs(self) -> bool:
        """Whether one of them stands for more than one text."""
        return self._globs is not None

    def covers(self, other: Patterns) -> bool:
        """Whether all that the others match is certainly matched here, too."""
        rest = [text for text in other.texts if text not in self.literals]
        if self._globs is None or not rest:
            return not rest
        globs = [text for text in self.texts if is_glob(text)]
        return all(any(_covers(glob, text) for glob in globs) for text in rest)

    def __str__(self) -> str:
        return " or ".join(map(repr, self.texts))


def is_glob(text: str) -> bool:
    """Whether the text stands for others."""
    return "*" in text or "?" in text


def _covers(wide: str, narrow: str) -> bool:
    if wide == narrow:
        return True
    # A star takes in the other's stars and question marks as they stand; a question mark would
    # take a star for one character.
    if "?" in wide and is_glob(narrow):
        return False
    return re.fullmatch(_expression(wide), narrow, re.DOTALL) is not None


def _expression(glob: str) -> str:
    wild = {"*": ".*", "?": "."}
    return "".join(wild.get(char, re.escape(char)) for char in glob)
