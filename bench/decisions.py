"""How many decisions a second rules allow, and how long a simulation of many jobs takes.

    PYTHONPATH=.src python bench/decisions.py [JOBS]

plain: `decide`, as a worker calls it. remembered: the same jobs by way of the simulation's memory.
Both are measured in one run, as CPU seconds of one core. The simulation is the whole of
`tagfleet rules simulate --jobs FILE`: read the file, replay it on both sides, make the report.
"""

from __future__ import annotations

import gc
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tagfleet.models.resources import Cluster, Command, Criterion, Engine
from tagfleet.models.snapshot import CatalogSnapshot
from tagfleet.routing_rules.decide import decide
from tagfleet.routing_rules.limits import IDLE
from tagfleet.routing_rules.rule_files.reader import read_rule_texts
from tagfleet.routing_rules.rules import RuleSet
from tagfleet.routing_rules.simulate.catalog_changes import CatalogChanges, changed
from tagfleet.routing_rules.simulate.decider import Decider
from tagfleet.routing_rules.simulate.job_files import jobs_of_file
from tagfleet.routing_rules.simulate.past_jobs import JobReader, PastJob
from tagfleet.routing_rules.simulate.report import report_data
from tagfleet.routing_rules.simulate.report_page import report_page
from tagfleet.routing_rules.simulate.simulation import Side, simulate

JOBS = 100_000
COMMANDS, USERS, NAMES = 20, 200, 500
ROUTES, CLUSTERS = (3, 50, 500), (5, 50)
SAMPLE = 3_000
SCHEDULES = ("sla", "adhoc", "test")
START = datetime(2026, 11, 16, tzinfo=UTC)


def main() -> None:
    """Print the two tables."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    print(f"{'decisions a second':<32}{'plain':>12}{'remembered':>14}{'ratio':>9}")
    for routes in ROUTES:
        for clusters in CLUSTERS:
            plain, remembered = decisions(routes, clusters)
            title = f"{routes} routes, {clusters} clusters"
            ratio = f"{remembered / plain:.1f} x"
            print(f"{title:<32}{plain:>12,.0f}{remembered:>14,.0f}{ratio:>9}")
    gc.set_threshold(100_000)  # as the command does
    print(f"\n{f'simulation of {jobs:,} jobs':<32}{'CPU':>12}{'jobs/s':>14}{'peak RAM':>12}")
    with TemporaryDirectory() as folder:
        file = Path(folder, "jobs.jsonl")
        with file.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows(jobs))
        for routes, clusters in ((3, 5), (500, 50)):
            took = cpu(lambda routes=routes, clusters=clusters: simulation(file, routes, clusters))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            title = f"{routes} routes, {clusters} clusters"
            print(f"{title:<32}{took:>10.1f} s{jobs / took:>14,.0f}{peak:>9,.0f} MB")


def decisions(routes: int, clusters: int) -> tuple[float, float]:
    """Decisions a second, plain and remembered."""
    set_, catalog = rules(routes), catalog_of(clusters)
    reader = JobReader()
    jobs = [job for row in rows(SAMPLE) if (job := reader.read(row, "job")) is not None]

    def plain() -> None:
        for job in jobs:
            decide(job.request, set_, catalog, moment=sent(job), seed=job.request.id)

    def remembered() -> None:
        decider = Decider(set_, catalog, IDLE)
        for job in jobs:
            decider.rule(job, sent(job), None)

    return len(jobs) / cpu(plain), len(jobs) / cpu(remembered)


def simulation(file: Path, routes: int, clusters: int) -> None:
    """The whole of it: other weights, and a cluster drained."""
    catalog = catalog_of(clusters)
    before = Side(rules=rules(routes), catalog=catalog, rules_name="", catalog_name="")
    drained = changed(catalog, CatalogChanges(drain=["k01"]))
    after = Side(
        rules=rules(routes, canary=50), catalog=drained.catalog, rules_name="", catalog_name=""
    )
    found = simulate(jobs_of_file(file), before, after, moment=START)
    data = report_data(found)
    report_page(data)


def rules(routes: int, canary: int = 5) -> RuleSet:
    """Routes by user and by tags, a weighted pool and one by load, windows and limits."""
    lines = [
        "version: 1",
        "windows: {business: {timezone: Europe/Amsterdam, hours: ['08:00-18:00']}}",
        "queues: {sla: , adhoc: , rest: }",
        "pools:",
        "  sla: {strategy: weighted, targets: [{tags: ['sched:sla'], weight: "
        f"{100 - canary}}}, {{cluster: k00, weight: {canary}}}], fallback: any}}",
        "  any: {strategy: least_loaded}",
        "defaults: [{name: hours, set: {timeout: 4h}}]",
        "limits:",
        "  - {name: per-user, per: user, running: 50, queued: 500, on_exceed: hold}",
        "  - {name: all, per: global, rate: 10000/h, on_exceed: hold}",
        "routes:",
        "  - {name: sla, match: {cluster_tags: ['sched:sla']}, queue: sla, pool: sla}",
    ]
    for number in range(routes - 2):
        match = f"user: user{number % USERS}, name: 'report-{number}-*'"
        lines.append(
            f"  - {{name: r{number}, match: {{{match}}}, when: business, queue: adhoc, pool: any}}"
        )
    lines.append("  - {name: rest, queue: rest}")
    return read_rule_texts({"rules.yaml": "\n".join(lines).encode()}).rules


def catalog_of(clusters: int) -> CatalogSnapshot:
    """Clusters of three schedules, and commands of five kinds."""
    return CatalogSnapshot(
        commands=[
            Command(
                **common(f"m{at:02}"),
                executable=("run",),
                cluster_criteria=(Criterion.of_tags(["type:yarn"]),),
                tags=frozenset({f"kind:{at % 5}", f"ver:{at}"}),
            )
            for at in range(COMMANDS)
        ],
        clusters=[
            Cluster(
                **common(f"k{at:02}"),
                tags=frozenset({"type:yarn", f"sched:{SCHEDULES[at % 3]}", f"team:{at % 10}"}),
                engine=Engine(cluster_id=f"j-{at}", step_concurrency=256),
            )
            for at in range(clusters)
        ],
    )


def rows(jobs: int) -> Iterator[dict[str, Any]]:
    """A week of jobs; a few of each hundred find nothing."""
    chance = random.Random(1)
    for at in range(jobs):
        created = START + timedelta(days=7) * at / jobs
        started = created + timedelta(seconds=chance.uniform(5, 60))
        finished = started + timedelta(seconds=chance.expovariate(1 / 600))
        schedule = SCHEDULES[at % 3] if at % 50 else "none"
        yield {
            "request": {
                "id": f"job-{at:07}",
                "name": f"report-{chance.randrange(NAMES)}-daily",
                "user": f"user{chance.randrange(USERS)}",
                "version": "1",
                "tags": [f"run:{at}", "team:data"],
                "commandArgs": ["--date", created.date().isoformat(), "--out", f"s3://b/{at}"],
                "clusterCriteria": [
                    {"tags": [f"sched:{schedule}", f"team:{at % 10}"]},
                    {"tags": [f"sched:{schedule}"]},
                ],
                "commandCriterion": {"tags": [f"kind:{chance.randrange(5)}"]},
                "environment": {"RUN": str(at)},
            },
            "tagGroup": "sla" if schedule == "sla" else "rest",
            "created": created.isoformat(),
            "started": started.isoformat(),
            "finished": finished.isoformat(),
        }


def common(name: str) -> dict[str, Any]:
    """What every resource has."""
    return {"id": name, "name": name, "user": "bench", "version": "1"}


def sent(job: PastJob) -> datetime:
    """When the job came."""
    return job.created or START


def cpu(run: Callable[[], None]) -> float:
    """Seconds of CPU that a run takes."""
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    main()
