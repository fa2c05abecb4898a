"""How long a routing decision takes: the index against a scan of everything.

    PYTHONPATH=.src python bench/routing.py

Both answer the same requests on the same catalog, in one run. The scan is the same resolver
on a catalog that looks at each resource; near misses are found by the index for both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tagfleet.models.errors import Unresolvable
from tagfleet.models.resources import Cluster, Command, Criterion, JobRequest
from tagfleet.models.snapshot import CatalogSnapshot, matches
from tagfleet.routing_rules.resolver import resolve

CLUSTERS, COMMANDS = 5_000, 500
INDEXED_ROUNDS, SCANNED_ROUNDS = 200, 3
TYPES = ("yarn", "trino", "flink", "hive")
SCHEDULES = ("sla", "adhoc", "test")


class ScannedCatalog(CatalogSnapshot):
    """The same catalog, answered by a look at each resource."""

    __slots__ = ()

    def commands_matching(self, criterion: Criterion) -> list[Command]:
        """Look at all commands."""
        return [each for each in self.commands if matches(criterion, each, "ACTIVE")]

    def clusters_matching(self, criterion: Criterion) -> list[Cluster]:
        """Look at all clusters."""
        return [each for each in self.clusters if matches(criterion, each, "UP")]


def main() -> None:
    """Print the table."""
    with timed(f"index of {CLUSTERS:,} clusters and {COMMANDS} commands"):
        indexed = CatalogSnapshot(commands=commands(), clusters=clusters())
    scanned = ScannedCatalog(commands=commands(), clusters=clusters())
    print(f"\n{'request':<42}{'index':>12}{'scan':>12}{'ratio':>10}{'stored why':>14}")
    for title, asked in requests().items():
        by_index = median(INDEXED_ROUNDS, partial(decide, asked, indexed))
        by_scan = median(SCANNED_ROUNDS, partial(decide, asked, scanned))
        why = median(SCANNED_ROUNDS * 5, partial(explain, asked, indexed))
        ratio = f"{by_scan / by_index:,.0f} x"
        print(f"{title:<42}{ms(by_index):>12}{ms(by_scan):>12}{ratio:>10}{ms(why):>14}")
    print("\nindex, scan: one decision, the median. stored why: one decision and its rationale")
    print("as data, near misses included; a decision that fails always has it.")


def clusters() -> list[Cluster]:
    """Clusters of four types, three schedules, ten versions and fifty teams."""
    return [
        Cluster(
            **common(f"k{at:04}"),
            tags=frozenset(
                {
                    f"type:{TYPES[at % 4]}",
                    f"sched:{SCHEDULES[at % 3]}",
                    f"ver:3.{at % 10}",
                    f"team:{at % 50}",
                }
            ),
        )
        for at in range(CLUSTERS)
    ]


def commands() -> list[Command]:
    """Commands of fifty kinds in ten versions, each for one type of cluster."""
    return [
        Command(
            **common(f"m{at:03}"),
            executable=("run",),
            cluster_criteria=(Criterion.of_tags([f"type:{TYPES[at % 4]}"]),),
            tags=frozenset({f"kind:{at // 10}", f"ver:{at % 10}", "all"}),
        )
        for at in range(COMMANDS)
    ]


def requests() -> dict[str, JobRequest]:
    """The cheapest request, usual ones, and the dearest."""
    return {
        "one cluster by id, one command": request(["genie.id:k0004"], command=["genie.id:m000"]),
        "team's clusters, one command": request(["team:4", "ver:3.4"], command=["genie.id:m000"]),
        "sla clusters, ten commands": request(["sched:sla", "ver:3.4"], command=["kind:7"]),
        "second criterion, ten commands": request(
            ["absent"], ["sched:sla", "ver:3.4"], command=["kind:7"]
        ),
        "a third of all, one command": request(["sched:sla"], command=["genie.id:m000"]),
        "a third of all, all commands": request(["sched:sla"], command=["all"]),
        "no cluster (with its near misses)": request(["sched:sla", "ver:9"], command=["kind:7"]),
        "no command (with its near misses)": request(["sched:sla"], command=["kind:7", "ver:99"]),
    }


def request(*criteria: list[str], command: list[str]) -> JobRequest:
    """A request with these criteria for its cluster, best first."""
    return JobRequest(
        **common("job"),
        cluster_criteria=tuple(Criterion.of_tags(tags) for tags in criteria),
        command_criterion=Criterion.of_tags(command),
    )


def common(name: str) -> dict[str, Any]:
    """What every resource has."""
    return {"id": name, "name": name, "user": "bench", "version": "1"}


def decide(asked: JobRequest, catalog: CatalogSnapshot) -> None:
    """One decision, resolved or not."""
    try:
        resolve(asked, catalog, seed="job")
    except Unresolvable:
        return


def explain(asked: JobRequest, catalog: CatalogSnapshot) -> None:
    """One decision, and why."""
    try:
        resolve(asked, catalog, seed="job").rationale.as_data()
    except Unresolvable:
        return


def median(rounds: int, run: Callable[[], None]) -> float:
    """Seconds of CPU that a run takes."""
    taken = []
    for _ in range(rounds):
        started = time.process_time_ns()
        run()
        taken.append((time.process_time_ns() - started) / 1e9)
    return statistics.median(taken)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long the block takes."""
    started = time.process_time()
    yield
    print(f"{what}: {ms(time.process_time() - started)}")


def ms(seconds: float) -> str:
    """Seconds as milliseconds."""
    return f"{seconds * 1000:,.3f} ms"


if __name__ == "__main__":
    main()
