"""The plan of a run: which jobs, and what goes wrong when; the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from .crash_points import OF_EVENTS, POINTS, is_seldom
from .quicker import LONGEST_DELAY_SECONDS

CLUSTERS: Final = 5

#: More calls than there are: how often a fault has hit is told by what is left of its count.
MANY: Final = 1_000_000

USERS: Final = ("ana", "ben", "cleo", "dan", "eva")


class Way(StrEnum):
    """How the workers of a run learn what their steps do."""

    QUOTAS = "quotas"  #: They list them, within the quotas that AWS documents, which EMR enforces.
    EVENTS = "events"  #: EMR's events tell them; they list them seldom.
    POLLS = "polls"  #: They list them often.


class Kind(StrEnum):
    """What a job's step does, after it has left its mark."""

    TRUE = "true"  #: Ends at once, well.
    FALSE = "false"  #: Ends at once, with an exit code of its own.
    SLEEP = "sleep"  #: Takes a moment.
    STAGED = "staged"  #: Has an environment: its step is the `run` script, with its claim.
    ENDLESS = "endless"  #: Runs until it is killed.
    STUBBORN = "stubborn"  #: Runs until it is killed, and takes no interrupt.


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """A job of the run, and what must come of it."""

    id: str
    kind: Kind
    #: When it is published, in seconds from the beginning.
    at: float
    user: str
    priority: int = 0
    #: The tag of the cluster that it asks for.
    cluster: str = "type:yarn"
    routing_key: str = "default"
    exit_code: int = 0
    #: Published a second time, so much later.
    again_after: float | None = None
    #: Somebody asks for its end: as soon as it is recorded, or once it runs.
    kill: bool = False

    @property
    def is_killed_running(self) -> bool:
        """Whether its end is asked for when it runs."""
        return self.kind in (Kind.ENDLESS, Kind.STUBBORN)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where a worker process ends, or is stopped: at which call that passes the point."""

    point: str
    call: int = 1
    action: str = "kill"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong at a time; `what` is a method of `trouble.Trouble`."""

    at: float
    what: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All of a run."""

    seed: int
    way: Way = Way.POLLS
    jobs: Sequence[PlannedJob]
    faults: Sequence[Fault] = ()
    assignments: Sequence[Assignment] = ()


def plan_jobs(seed: int, count: int, seconds: float) -> list[PlannedJob]:
    """So many jobs, published over so many seconds."""
    chance = random.Random(f"jobs {seed}")
    return [_job(chance, number, seconds) for number in range(count)]


def _job(chance: random.Random, number: int, seconds: float) -> PlannedJob:
    shares = {
        Kind.TRUE: 62,
        Kind.FALSE: 10,
        Kind.SLEEP: 10,
        Kind.STAGED: 12,
        Kind.ENDLESS: 5,
        Kind.STUBBORN: 1,
    }
    kind = chance.choices(list(shares), list(shares.values()))[0]
    ends_by_kill = kind in (Kind.ENDLESS, Kind.STUBBORN)
    fails = kind is Kind.FALSE or (kind is Kind.STAGED and chance.random() < 0.2)
    return PlannedJob(
        id=f"job-{number}",
        kind=kind,
        # In bursts: some wait together for one call.
        at=round(chance.uniform(0, seconds)),
        user=chance.choice(USERS),
        priority=chance.choice((0, 0, 0, 5, 9)),
        cluster=chance.choice(["type:yarn", *(f"cluster-{each}" for each in range(CLUSTERS))]),
        routing_key=chance.choice(("default", "default", "default", "intake")),
        exit_code=chance.randint(1, 100) if fails else 0,
        again_after=chance.uniform(0, 20) if chance.random() < 0.08 else None,
        kill=ends_by_kill or chance.random() < 0.06,
    )


def plan_assignments(seed: int, way: Way) -> list[Assignment]:
    """Every crash point once, and some points where a process is stopped for longer than its lease."""
    chance = random.Random(f"points {seed}")
    names = [name for name in POINTS if way is Way.EVENTS or name not in OF_EVENTS]
    killed = [Assignment(name, _call(chance, name)) for name in names]
    pauses = [
        "before-add-steps",
        "before-wire",
        "after-lease",
        "before-init-move",
        "before-end-move",
    ]
    paused = [Assignment(name, _call(chance, name), "pause") for name in pauses]
    mixed = killed + paused
    chance.shuffle(mixed)
    return mixed


def _call(chance: random.Random, name: str) -> int:
    return 1 if is_seldom(name) else chance.randint(1, 4)


def plan_faults(seed: int, seconds: float, workers: int, way: Way) -> list[Fault]:
    """What goes wrong around the workers within so many seconds."""
    chance = random.Random(f"faults {seed}")

    def within(begin: float, end: float) -> float:
        return round(seconds * chance.uniform(begin, end), 1)

    def one() -> int:
        return chance.randrange(workers)

    def lasting(what: str, back: str, at: float, length: float) -> list[Fault]:
        return [Fault(at, what), Fault(at + length, back)]

    pauses = [{"index": one(), "seconds": round(chance.uniform(8, 20), 1)} for _ in range(3)]
    faults = [
        Fault(0, "emr", {"faults": _emr(chance, way)}),
        *(Fault(within(0.05, 1), "kill_worker", {"index": one()}) for _ in range(6)),
        *(Fault(within(0.1, 0.9), "pause_worker", pause) for pause in pauses),
        *(Fault(within(0, 1), "publish_nonsense") for _ in range(10)),
        *lasting("kill_database", "start_database", within(0.12, 0.2), 3),
        *lasting("kill_broker", "start_broker", within(0.25, 0.4), 2),
        *lasting("freeze_broker", "thaw_broker", within(0.55, 0.6), 6),
        Fault(within(0.7, 0.8), "lose_queues"),
        *lasting("kill_database", "start_database", within(0.84, 0.92), 3),
        *lasting("throttle", "unthrottle", within(0.4, 0.6), 20),
    ]
    if way is Way.QUOTAS:
        # Only what comes first matters: the quotas hold from the beginning to the end.
        faults = [Fault(0, "throttle"), *(each for each in faults if "throttle" not in each.what)]
    return sorted(faults, key=lambda fault: fault.at)


def _emr(chance: random.Random, way: Way) -> dict[str, list[dict[str, Any]]]:
    """What is wrong with the cluster's API: replies are lost, first of all."""

    def fault(mode: str, low: float, high: float, **more: Any) -> dict[str, Any]:
        probability, seed = round(chance.uniform(low, high), 2), chance.randrange(1_000_000)
        return {"mode": mode, "probability": probability, "seed": seed, "count": MANY, **more}

    faults = {
        operation: [
            fault("drop", 0.1, 0.25),
            fault("error500", 0.04, 0.1),
            fault("throttle", 0.04, 0.1),
            # Longer than the client waits for an answer.
            fault("delay", 0.04, 0.1, seconds=LONGEST_DELAY_SECONDS),
        ]
        for operation in ("AddJobFlowSteps", "ListSteps", "CancelSteps")
    }
    if way is Way.EVENTS:
        faults["events"] = [
            fault("drop", 0.1, 0.25),
            fault("double", 0.1, 0.25),
            fault("shuffle", 0.2, 0.5, seconds=5),
        ]
    return faults


def random_plan(seed: int, *, jobs: int, seconds: float, workers: int) -> Plan:
    """The plan of a random run."""
    way = list(Way)[seed % len(Way)]
    return Plan(
        seed=seed,
        way=way,
        jobs=plan_jobs(seed, jobs, seconds),
        faults=plan_faults(seed, seconds, workers, way),
        assignments=plan_assignments(seed, way),
    )
