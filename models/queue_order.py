"""Who gets the next slot: the highest priority, then the user who has the fewest, then who waits longest."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol, TypeVar


class Waiting(Protocol):
    """What waits for a slot."""

    id: str
    user: str
    #: 0 to 9; the higher goes first.
    priority: int
    created: datetime


W = TypeVar("W", bound=Waiting)


def in_order(waiting: Iterable[W], active: Mapping[str, int]) -> list[W]:
    """Those that wait, in the order in which they are given slots.

    Arguments:
        active: How many slots each user has on the cluster already.
    """
    by_priority: dict[int, list[W]] = defaultdict(list)
    for each in waiting:
        by_priority[each.priority].append(each)
    # What a user is given at a higher priority counts at a lower one.
    given = defaultdict(int, active)
    ordered = []
    for priority in sorted(by_priority, reverse=True):
        for each in _fairly(by_priority[priority], given):
            given[each.user] += 1
            ordered.append(each)
    return ordered


def _fairly(waiting: list[W], given: Mapping[str, int]) -> Iterator[W]:
    """One by one, always from the user who has the fewest slots; the longest waiting breaks ties."""
    queues: dict[str, deque[W]] = defaultdict(deque)
    for each in sorted(waiting, key=lambda each: (each.created, each.id)):
        queues[each.user].append(each)
    heads = [(given.get(user, 0), queue[0].created, user) for user, queue in queues.items()]
    heapq.heapify(heads)
    while heads:
        _, _, user = heapq.heappop(heads)
        queue = queues[user]
        yield queue.popleft()
        if queue:
            heapq.heappush(heads, (given.get(user, 0), queue[0].created, user))
