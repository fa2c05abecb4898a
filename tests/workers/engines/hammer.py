"""A worker process that asks the governor as often as it goes; prints what it got, and its clock at the end."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter

from tagfleet.models.database import connect, disconnect
from tagfleet.models.quota import DOCUMENTED
from tagfleet.workers.engines.base import Throttled
from tagfleet.workers.engines.governor import Account, SharedGovernor

#: Where the time of all such processes begins, in seconds since the epoch; each is wrong by up to SKEW.
START, SECONDS, SKEW = 1_700_000_000.0, 20.0, 3.0

OPERATIONS = ("ListSteps", "AddJobFlowSteps", "CancelSteps")


def main(url: str, seed: int) -> None:
    """Ask for a while, by a clock of its own."""
    connect(url)
    # All begin at once, when the last one is ready.
    print("ready", flush=True)
    sys.stdin.readline()
    draw, taken, passed = random.Random(seed), Counter[str](), 0.0
    now = start = START + draw.uniform(-SKEW, SKEW)
    governor = SharedGovernor(DOCUMENTED, clock=lambda: now)
    while passed < SECONDS:
        passed += draw.uniform(0, 0.1)
        now = start + passed
        operation = draw.choice(OPERATIONS)
        try:
            governor.take(Account("own", "us-east-1"), operation)
        except Throttled:
            continue
        taken[operation] += 1
    print(json.dumps({"taken": taken, "until": now}))
    disconnect()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
