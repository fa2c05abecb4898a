"""Replays jobs by one set of rules and one catalog: decided when they came, run as long as they did."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from ...models.snapshot import CatalogSnapshot
from ..decide import Outcome
from ..limits import IDLE, Usage
from ..rules import RuleSet
from .decider import Decider
from .load import Load
from .past_jobs import PastJob
from .places import Gate, Gates, Kind, Places
from .rulings import Place, Ruling
from .waiting import Entry, Line

#: What is told apart in loads.
DIMENSIONS: Final = ("clusters", "tagGroups", "users")


@dataclass(frozen=True, slots=True)
class Landing:
    """What became of a job on one side of a simulation."""

    number: int
    ruling: Ruling
    #: The limit that made it wait.
    held_by: str | None = None
    held_seconds: float = 0.0


class Replay:
    """One side of a simulation.

    A cluster runs as many jobs at once as its engine says. What a limit holds waits for room, as in a
    fleet: each limit counts the jobs that it applies to.

    Arguments:
        landed: Told of each job once: when it starts, or as soon as it is clear that it never will.
    """

    def __init__(
        self, rules: RuleSet, catalog: CatalogSnapshot, landed: Callable[[Landing], None]
    ) -> None:
        self.loads: dict[str, dict[str, Load]] = {name: defaultdict(Load) for name in DIMENSIONS}
        self._rules, self._catalog, self._landed = rules, catalog, landed
        # How full it is changes with the replay's time: the limits are seen to here.
        unlimited = replace(rules, limits=())
        self._on_cluster: dict[str, int] = defaultdict(int)
        self._decider = Decider(unlimited, catalog, Usage(load=self._on_cluster))
        self._idle = Decider(unlimited, catalog, IDLE)
        self._gates, self._places = Gates(rules), Places()
        self._lines: dict[str, Line] = {}
        self._with_waiting: set[str] = set()
        #: What is held before it is let in; where there may be room now; which rates are awaited.
        self._lobby: dict[Gate, deque[Entry]] = {}
        self._due: deque[Gate] = deque()
        self._awaited: set[Gate] = set()
        #: By their times: ends of jobs, and rates that leave room.
        self._events: list[tuple[float, int, Entry | Gate]] = []
        self._events_made = 0

    def leads_elsewhere(self, job: PastJob, moment: datetime) -> bool:
        """Whether the rules lead to another tag group than the job was recorded in, which is there, too."""
        if job.tag_group not in self._rules.groups:
            return False
        route = self._decider.route_of(job, moment, None)
        return route is None or job.tag_group != route.tag_group

    def send(self, number: int, job: PastJob, moment: datetime, chosen_group: str | None) -> None:
        """A job comes; no earlier than the one before it.

        Arguments:
            chosen_group: The tag group whose queue its producer chose.
        """
        if chosen_group not in self._rules.groups:
            chosen_group = None  # its queue is not there: the fleet lets the rules choose
        if job.created is None:
            self._land_without_time(number, job, moment, chosen_group)
            return
        self._go_on(moment.timestamp())
        ruling = self._decider.rule(job, moment, chosen_group)
        self._come(Entry(number, job, chosen_group, self._places.now, ruling), moment, None)
        self._let_in_held()

    def finish(self) -> None:
        """No more jobs come: all that can end does."""
        self._go_on(math.inf)
        left = [(gate, entry) for gate, held in self._lobby.items() for entry in held]
        for line in self._lines.values():
            for entry in line.clear():
                for load in self._loads_of(entry.place, entry.job):
                    load.leave()
                left.append((entry.running_gates[0], entry))
        for gate, entry in left:
            reason = f"The limit {gate.limit} leaves no room, and none comes"
            self._stop(entry, Outcome.HELD, gate, reason)

    def _land_without_time(
        self, number: int, job: PastJob, moment: datetime, chosen_group: str | None
    ) -> None:
        """Nobody knows when it came: limits and load mean nothing to it."""
        ruling = self._idle.rule(job, moment, chosen_group)
        if ruling.place.outcome is Outcome.ROUTED:
            for load in self._loads_of(ruling.place, job):
                load.jobs += 1
        self._landed(Landing(number, ruling))

    def _come(self, entry: Entry, moment: datetime, held_at: Gate | None) -> None:
        """Let a job in, reject it, or let it wait where it finds no room.

        Arguments:
            held_at: Where it has waited until now.
        """
        if entry.place.outcome is not Outcome.ROUTED:
            self._land(entry)
            return
        group = entry.place.tag_group or ""
        entry.gates, entry.running_gates = self._gates.of(entry.job.facts, group, moment)
        for gate in entry.gates:
            # Nor does it overtake those that are held there already.
            if self._places.full(gate) or (gate != held_at and gate in self._lobby):
                self._turn_away(entry, gate)
                return
        entry.let_go(self._places.now)
        self._let_in(entry)

    def _turn_away(self, entry: Entry, gate: Gate) -> None:
        if gate.rejects:
            self._stop(entry, Outcome.REJECTED, gate, f"The limit {gate.limit} leaves no room")
            return
        entry.hold(gate.limit, self._places.now)
        self._lobby.setdefault(gate, deque()).append(entry)
        self._await_room(gate)

    def _let_in(self, entry: Entry) -> None:
        cluster = entry.place.cluster or ""
        loads = self._loads_of(entry.place, entry.job)
        for gate in entry.gates:
            self._places.take(gate)
        self._on_cluster[cluster] += 1
        for load in loads:
            load.arrive()
        line = self._line(cluster)
        line.add(entry)
        self._start_waiting(cluster)
        if not entry.started and line.has_slot:
            closed = self._places.first_full(entry.running_gates)
            assert closed is not None
            entry.hold(closed.limit, self._places.now)
        for load in loads:
            load.look()

    def _start_waiting(self, cluster: str) -> None:
        """Give out the cluster's free slots."""
        line = self._line(cluster)
        while line.has_slot and line.waits:
            entry = line.next(self._places)
            if entry is None:
                break
            line.running += 1
            self._start(entry)
        if line.waits:
            self._with_waiting.add(cluster)
        else:
            self._with_waiting.discard(cluster)

    def _start(self, entry: Entry) -> None:
        now = self._places.now
        entry.started = True
        entry.let_go(now)
        for load in self._loads_of(entry.place, entry.job):
            load.start(now - entry.arrived)
        for gate in entry.running_gates:
            self._places.take(gate)
        self._release(entry, Kind.QUEUED)
        self._add_event(now + entry.run_seconds, entry)
        self._land(entry)

    def _end(self, entry: Entry) -> None:
        cluster = entry.place.cluster or ""
        for load in self._loads_of(entry.place, entry.job):
            load.end(entry.run_seconds)
        self._release(entry, Kind.OPEN)
        self._on_cluster[cluster] -= 1
        self._line(cluster).running -= 1
        for gate in entry.running_gates:
            self._places.release(gate)
        self._start_waiting(cluster)
        if entry.running_gates:  # what its limits held may run now, on whichever cluster
            for each in sorted(self._with_waiting):
                self._start_waiting(each)

    def _release(self, entry: Entry, kind: Kind) -> None:
        for gate in entry.gates:
            if gate.kind is kind:
                self._places.release(gate)
                if gate in self._lobby:
                    self._due.append(gate)

    def _go_on(self, until: float) -> None:
        """Let the time go on, in seconds since 1970."""
        while self._events and self._events[0][0] <= until:
            self._places.now, _, what = heapq.heappop(self._events)
            if isinstance(what, Entry):
                self._end(what)
            else:
                self._awaited.discard(what)
                self._due.append(what)
            self._let_in_held()
        if until < math.inf:
            self._places.now = until

    def _let_in_held(self) -> None:
        """Decide anew about what is held where there may be room now."""
        while self._due:
            gate = self._due.popleft()
            held = self._lobby.get(gate)
            while held and not self._places.full(gate):
                moment = datetime.fromtimestamp(self._places.now, UTC)
                entry = held.popleft()
                entry.ruling = self._decider.rule(entry.job, moment, entry.chosen_group)
                self._come(entry, moment, gate)
            if held:
                self._await_room(gate)
            else:
                self._lobby.pop(gate, None)

    def _await_room(self, gate: Gate) -> None:
        """Look again when a rate leaves room; for all else, something has to start."""
        moment = self._places.room_at(gate)
        if moment is not None and gate not in self._awaited:
            self._awaited.add(gate)
            self._add_event(moment, gate)

    def _add_event(self, moment: float, what: Entry | Gate) -> None:
        self._events_made += 1
        heapq.heappush(self._events, (moment, self._events_made, what))

    def _line(self, cluster: str) -> Line:
        line = self._lines.get(cluster)
        if line is None:
            found = self._catalog.cluster(cluster)
            engine = found.engine if found else None
            line = self._lines[cluster] = Line(engine.step_concurrency if engine else None)
        return line

    def _loads_of(self, place: Place, job: PastJob) -> tuple[Load, Load, Load]:
        loads = self.loads
        return (
            loads["clusters"][place.cluster or ""],
            loads["tagGroups"][place.tag_group or ""],
            loads["users"][job.request.user],
        )

    def _stop(self, entry: Entry, outcome: Outcome, gate: Gate, reason: str) -> None:
        place = Place(outcome=outcome, tag_group=entry.place.tag_group)
        entry.ruling = Ruling(place=place, reason=reason, rule=gate.limit)
        self._land(entry)

    def _land(self, entry: Entry) -> None:
        self._landed(Landing(entry.number, entry.ruling, entry.held_by, entry.held_seconds))
