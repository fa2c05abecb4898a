"""Genie's search patterns: `%` stands for any text; everything else means itself."""

from __future__ import annotations

import re
from typing import Any, Final

from .problems import Problem

#: What the embedded database takes; MongoDB itself takes more.
LONGEST_EXPRESSION: Final = 1_000


def is_like(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern."""
    if "%" not in pattern:
        return pattern == text
    return re.fullmatch(_expression(pattern), text, re.DOTALL) is not None


def condition(pattern: str) -> Any:
    """What MongoDB is asked for: the text itself, or an expression made of nothing but escaped text and `.*`.

    Raises:
        Problem: 400, the pattern is too long, or no text could fit it.
    """
    if "%" not in pattern:
        return pattern
    if "\x00" in pattern:  # MongoDB takes none in an expression, and nothing that is kept has one
        raise Problem(400, "The pattern has a NUL in it, which no text has: leave it out.")
    expression = f"^{_expression(pattern)}$"
    if len(expression) > LONGEST_EXPRESSION:
        raise Problem(
            400, "The pattern is too long: leave out some of its text, or some of its `%`."
        )
    # As a string: the embedded database misses matches of a compiled one on an indexed field.
    return {"$regex": expression, "$options": "s"}


def _expression(pattern: str) -> str:
    first, *middle, last = (re.escape(part) for part in re.split("%+", pattern))
    # The first place where a part in the middle fits is as good as any later one. Atomic groups say so: else
    # all places of all parts would be tried, which for `%a%a%a%a%b` and a long text has no end.
    return first + "".join(f"(?>.*?{part})" for part in middle) + ".*" + last
