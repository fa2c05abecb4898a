"""What is known of one setting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: how it is read, and what a user is told of it."""

    variable: str
    default: str
    meaning: str
    #: Turns the text into the value; raises ValueError when it cannot.
    read: Callable[[str], Any]
    expected: str
