"""What the governor costs and saves: workers that ask too much of an EMR at its documented quotas, counted.

    PYTHONPATH=.src:. python bench/governor.py [seconds]

The embedded MongoDB over its socket, the local EMR over HTTP. Exits 1 when EMR throttles a governed call,
or to ask it costs more MongoDB commands than it may.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from pymongo import monitoring

from tagfleet.models.aws import AwsClients
from tagfleet.models.database import connect, disconnect
from tagfleet.models.embedded_mongodb import served
from tagfleet.models.local_addresses import use_local_emr
from tagfleet.models.quota import DOCUMENTED
from tagfleet.models.resources import Engine
from tagfleet.workers.engines.base import Throttled
from tagfleet.workers.engines.emr_steps import EmrSteps
from tagfleet.workers.engines.governor import Governor, SharedGovernor, Ungoverned
from tagfleet.workers.local_emr.server import LocalEmr

WORKERS, PAUSE_SECONDS = 8, 0.5

#: MongoDB commands that it may cost to ask the governor once, whatever it says.
MOST_COMMANDS = 2.0


class Commands(monitoring.CommandListener):
    """Counts MongoDB commands by name, of every client that is made after it was registered."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Count it."""
        self.counts[event.command_name] += 1

    def succeeded(self, event: object) -> None:
        """Counted already."""

    def failed(self, event: object) -> None:
        """Counted already."""


def main(seconds: float) -> int:
    """Run both ways and print the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mongodb = stack.enter_context(served(folder / "mongodb"))
        commands = Commands()
        monitoring.register(commands)
        connect(mongodb)
        stack.callback(disconnect)
        print(
            f"{WORKERS} workers ask for a listing every {PAUSE_SECONDS} s, {seconds:.0f} s long\n"
        )
        print(f"{'':<16} {'answered':>8} {'throttled':>9} {'held back':>9} {'commands an ask':>15}")
        _line("without governor", _run(folder / "without", Ungoverned(), seconds), 0.0)
        commands.counts.clear()
        found = _run(folder / "with", SharedGovernor(DOCUMENTED), seconds)
        # Workers that meet at the same token look again: there is more than one find for some.
        cost = commands.counts.total() / found.total()
        _line("with governor", found, cost)
        return int(found["throttled"] > 0 or cost > MOST_COMMANDS)


def _run(home: Path, governor: Governor, seconds: float) -> Counter[str]:
    with LocalEmr(home, throttle=True) as emr, use_local_emr(emr.url):
        clients = AwsClients()
        answer = clients.emr().run_job_flow(
            Name="bench", Instances={"KeepJobFlowAliveWhenNoSteps": True}
        )
        engine = Engine(cluster_id=answer["JobFlowId"])
        steps, pause, end = (
            EmrSteps(clients, governor),
            threading.Event(),
            time.monotonic() + seconds,
        )

        def work(_: int) -> Counter[str]:
            found = Counter[str]()
            while time.monotonic() < end:
                found[_listing(steps, engine)] += 1
                pause.wait(PAUSE_SECONDS)
            return found

        with ThreadPoolExecutor(WORKERS) as pool:
            total = sum(pool.map(work, range(WORKERS)), Counter[str]())
        clients.close()
        return total


def _listing(steps: EmrSteps, engine: Engine) -> str:
    try:
        next(steps.reports(engine), None)
    except Throttled as error:
        return "throttled" if error.__cause__ else "held back"
    return "answered"


def _line(name: str, found: Counter[str], cost: float) -> None:
    numbers = f"{found['answered']:>8} {found['throttled']:>9} {found['held back']:>9}"
    print(f"{name:<16} {numbers} {cost:>15.2f}")


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0))
