"""Cuts a sequence into batches (itertools.batched, which Python 3.11 lacks)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def in_batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in order, at most `size` at a time."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
