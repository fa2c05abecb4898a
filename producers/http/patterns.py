"""Genie's search patterns: `%` stands for any text; everything else means itself."""

from __future__ import annotations

import re
from typing import Any


def is_like(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern."""
    if "%" not in pattern:
        return pattern == text
    return re.fullmatch(_expression(pattern), text, re.DOTALL) is not None


def condition(pattern: str) -> Any:
    """What MongoDB is asked for: the text itself, or an expression made of nothing but escaped text and `.*`."""
    if "%" not in pattern:
        return pattern
    # As a string: the embedded database misses matches of a compiled one on an indexed field.
    return {"$regex": f"^{_expression(pattern)}$", "$options": "s"}


def _expression(pattern: str) -> str:
    # Not more than one `.*` after another: each would multiply what is tried.
    return ".*".join(re.escape(part) for part in re.split("%+", pattern))
