"""Keeps a call from leaving this process too late, and knows whether it has left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .base import Deadline, Unanswered

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient


@dataclass(slots=True)
class Departure:
    """One call on its way out: signing, for which STS may be asked first, takes its time."""

    deadline: Deadline
    #: From here on, the service may have got the call.
    left: bool = False


#: boto3 calls its handlers in the thread of the call, and clients are shared between threads.
_under_way: Final[ContextVar[Departure | None]] = ContextVar("departure", default=None)


@contextmanager
def departing(client: EMRClient, operation: str, deadline: Deadline) -> Iterator[Departure]:
    """Let the client make one call of the operation in the block, unless it is too late.

    The call raises Unanswered when its deadline has passed just before it would be sent: the last
    moment that boto3 tells of.
    """
    # The same client every time: registered once, because of the id.
    client.meta.events.register_last(
        f"before-send.emr.{operation}", _on_departure, unique_id="tagfleet-departure"
    )
    departure = Departure(deadline)
    token = _under_way.set(departure)
    try:
        yield departure
    finally:
        _under_way.reset(token)


def _on_departure(**_: object) -> None:
    """Called by boto3; what is raised here ends the call, and what is returned would be its answer."""
    departure = _under_way.get()
    if departure is None:
        return
    if departure.deadline.passed:
        raise Unanswered("This worker was held up before its call, so nothing was sent.")
    departure.left = True
