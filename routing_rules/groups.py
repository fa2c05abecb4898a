"""The rules as the fleet reads them: which tag group, and so which queue, a request belongs to."""

from __future__ import annotations

from pathlib import Path

from .rule_files.reader import read_rules
from .rules import RuleSet

__all__ = ["RuleSet", "load_rules"]


def load_rules(path: Path | None = None) -> RuleSet:
    """Read the rules of a file, of a folder's files in the order of their names, or the built-in ones.

    Raises:
        InvalidInput: Something is wrong; every problem is named with its place.
    """
    return read_rules([path] if path else []).rules
