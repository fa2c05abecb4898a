"""Where a worker can be made to die: every step of the pipeline by name, without a hook in the product."""

from __future__ import annotations

import functools
import importlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tagfleet.models.lifecycle import Move
from tagfleet.models.states import TERMINAL, JobStatus


@dataclass(frozen=True, slots=True)
class Point:
    """A place right before or right after a function, as its callers look it up."""

    #: `module:name` or `module:Class.name`.
    target: str
    is_before: bool
    #: Only calls that move a job to one of these statuses count; empty: all calls.
    to: frozenset[JobStatus] = frozenset()


def _around(name: str, target: str, *to: JobStatus) -> dict[str, Point]:
    return {
        f"before-{name}": Point(target, True, frozenset(to)),
        f"after-{name}": Point(target, False, frozenset(to)),
    }


_ACCEPT: Final = "tagfleet.workers.accept:advance"
_PASS: Final = "tagfleet.workers.reconcile.work:advance_all"
_ENGINE: Final = "tagfleet.workers.engines.emr_steps:EmrSteps"
_BUS: Final = "tagfleet.workers.rabbit_bus:RabbitBus"

#: Every place, by name, in the order in which a job passes them.
POINTS: Final[dict[str, Point]] = {
    **_around("forward", f"{_BUS}.forward"),
    **_around("record", "tagfleet.models.jobs:record"),
    **_around("route-move", _ACCEPT, JobStatus.RESOLVED),
    **_around("staging-put", "tagfleet.workers.staging.area:Staging.put_run_script"),
    **_around("accepted-move", _ACCEPT, JobStatus.ACCEPTED),
    **_around("tick", "tagfleet.workers.clock:Clock.tick"),
    **_around("ring", f"{_BUS}.ring"),
    **_around("lease", "tagfleet.models.lease:acquire"),
    **_around("claimed-move", _PASS, JobStatus.CLAIMED),
    **_around("add-steps", f"{_ENGINE}.submit"),
    **_around("wire", "tagfleet.workers.engines.emr_calls:EmrCalls.send"),
    **_around("init-move", _PASS, JobStatus.INIT),
    **_around("follow", "tagfleet.workers.reconcile.follow:follow"),
    **_around("running-move", _PASS, JobStatus.RUNNING),
    **_around("cancel", f"{_ENGINE}.cancel"),
    **_around("end-move", _PASS, *TERMINAL),
    **_around("release", "tagfleet.models.lease:Lease.release"),
    **_around("event", f"{_BUS}.tell"),
    **_around("finish", "tagfleet.workers.stages:finish"),
    **_around("archive", "tagfleet.workers.finish:_finished"),
    **_around("ack", "tagfleet.workers.broker.subscription:Subscription.ack"),
    **_around("dead-letter", f"{_BUS}.dead_letter"),
    **_around("events", "tagfleet.workers.emr_events.listener:apply"),
}

#: The points that a worker passes only where EMR's events are listened to.
OF_EVENTS: Final = frozenset({"before-events", "after-events"})

#: What happens seldom in a run: the first call is the one that counts.
SELDOM: Final = frozenset({"staging-put", "forward", "cancel", "dead-letter", "lease", "release"})


def is_seldom(name: str) -> bool:
    """Whether few calls pass this point in a run."""
    return name.partition("-")[2] in SELDOM


def find(target: str) -> tuple[Any, str]:
    """Where the function is kept: its module or class, and its name there.

    Raises:
        AttributeError: It is not there any more: it was renamed, and so must be its point.
    """
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    getattr(owner, name)
    return owner, name


def arm(point: Point, call: int, act: Callable[[], None]) -> None:
    """Have `act` run at the n-th call that passes the point, in this process, once.

    Arguments:
        call: Which call it is, from 1.
    """
    owner, name = find(point.target)
    original = getattr(owner, name)
    count = itertools.count(1)

    @functools.wraps(original)
    def watched(*arguments: Any, **named: Any) -> Any:
        is_hit = _counts(point, arguments) and next(count) == call
        if is_hit and point.is_before:
            act()
        result = original(*arguments, **named)
        if is_hit and not point.is_before:
            act()
        return result

    setattr(owner, name, watched)


def _counts(point: Point, arguments: tuple[Any, ...]) -> bool:
    return not point.to or any(move.after in point.to for move in _moves(arguments))


def _moves(arguments: tuple[Any, ...]) -> Iterator[Move]:
    for argument in arguments:
        if isinstance(argument, Move):
            yield argument
        elif isinstance(argument, list):
            yield from (each for each in argument if isinstance(each, Move))
