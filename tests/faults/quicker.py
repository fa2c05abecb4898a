"""The product's long pauses, shortened: healing that takes minutes in production takes seconds in a run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from botocore.config import Config

from .crash_points import find

#: Connect and read time-outs of the EMR clients, in seconds.
CALL_SECONDS: Final = 2

#: How long a submission may take at most: both time-outs, and a margin for a busy machine.
SUBMIT_SECONDS: Final = 5.0

#: No injected delay of a call may be longer: what is done after it was given up for would be done twice,
#: in the run as in production.
LONGEST_DELAY_SECONDS: Final = 3.0

#: Each constant with its value for a run. Doubt still lasts longer than a call may hesitate to leave, and
#: any injected delay after that.
CONSTANTS: Final[dict[str, Any]] = {
    "tagfleet.models.lifecycle:FINISH_RING": timedelta(seconds=5),
    "tagfleet.workers.accept:RING": timedelta(seconds=5),
    "tagfleet.workers.accept:FIRST_PAUSE": 1.0,
    "tagfleet.workers.accept:LONGEST_PAUSE": 10.0,
    "tagfleet.workers.broker.suspects:PAUSES": (1.0, 2.0, 5.0, 10.0),
    "tagfleet.workers.clock:LEASE_SECONDS": 4.0,
    "tagfleet.workers.clock:RING_AGAIN": timedelta(seconds=3),
    "tagfleet.workers.clock:FIRST_PAUSE": timedelta(seconds=5),
    "tagfleet.workers.clock:LONGEST_PAUSE": timedelta(seconds=15),
    "tagfleet.workers.emr_events.listener:VISIBILITY_SECONDS": 10,
    "tagfleet.workers.engines.emr_steps:EmrSteps.submit_seconds": SUBMIT_SECONDS,
    "tagfleet.workers.finish:LOG_PAUSES": (timedelta(seconds=2), timedelta(seconds=6)),
    "tagfleet.workers.reconcile.follow:DOUBT_MARGIN": timedelta(seconds=8),
    "tagfleet.workers.reconcile.follow:WRITE_SECONDS": 3.0,
    "tagfleet.workers.reconcile.stop:GRACE": timedelta(seconds=3),
    "tagfleet.workers.reconcile.submit:REST": timedelta(seconds=1),
}

#: The configurations of the clients that speak to EMR.
CLIENTS: Final = ("tagfleet.models.aws:_EMR",)


def shorten() -> None:
    """Give every constant its value for a run, in this process."""
    for target, value in CONSTANTS.items():
        owner, name = find(target)
        setattr(owner, name, value)
    quick = Config(connect_timeout=CALL_SECONDS, read_timeout=CALL_SECONDS)
    for target in CLIENTS:
        owner, name = find(target)
        setattr(owner, name, getattr(owner, name).merge(quick))
