"""Decides which step starts next, and what its end means for the cluster."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from .changes import Changes
from .clusters import DEAD, Cluster, ClusterState, Reason
from .errors import AwsError
from .events import Event
from .state import State
from .steps import RESTARTED, Failure, Step, StepState
from .timers import Timers


class Runner(Protocol):
    """Runs the steps of one kind; must not wait, and must not call the scheduler back at once.

    For each step it was given it calls `Scheduler.starting` and, in any case, `Scheduler.ended`.
    """

    def start(self, step: Step, log_uri: str | None) -> None:
        """Run this step soon."""

    def signal(self, step: Step, number: signal.Signals) -> None:
        """Send this signal to all of the step's processes; one that never started just ends."""


class Scheduler:
    """All clusters and their steps, in memory and, written through, in the state.

    One lock guards them; nothing slow is done while it is held. The methods up to
    `terminate` are called inside `changing`; `starting`, `ended` and the timers take it themselves.

    Arguments:
        state: Where everything is written, and where it comes from at the start.
        timers: Does things later.
        publish: Takes the events that EMR would send; must not fail.
        boot_seconds: How long a cluster takes to start, and to terminate.
    """

    def __init__(
        self,
        state: State,
        timers: Timers,
        publish: Callable[[Sequence[Event]], None],
        boot_seconds: float,
    ) -> None:
        self._state, self._timers, self._boot_seconds = state, timers, boot_seconds
        self._changes = Changes(state, publish)
        self._runners: Mapping[str | None, Runner] = {}
        self._cluster_ends: Callable[[str], None] = lambda cluster_id: None
        self._lock = threading.Lock()
        self._stopped = False
        self.clusters: dict[str, Cluster] = {}

    def start(
        self, runners: Mapping[str | None, Runner], cluster_ends: Callable[[str], None]
    ) -> None:
        """Load what there was before, and go on with it.

        Arguments:
            runners: Who runs a step, by its jar; under None who runs all others.
            cluster_ends: Takes the id of a cluster whose applications are to end with it.
        """
        self._runners, self._cluster_ends = runners, cluster_ends
        with self.changing():
            self.clusters = self._state.load()
            for cluster in self.clusters.values():
                self._revive(cluster)

    def stop(self) -> None:
        """Change nothing any more: what still runs is found as such at the next start."""
        with self._lock:
            self._stopped = True

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock; what changes inside is on disk, all together, when this ends.

        Only then do runners, timers and listeners hear of it. What cannot be written has not
        happened in memory either. A refusal (AwsError) must come before any change.
        """
        with self._lock:
            try:
                with self._changes.together():
                    yield
            except AwsError:
                raise
            except BaseException:
                self.clusters = self._state.load()
                raise

    def create(self, cluster: Cluster, steps: Sequence[Step]) -> None:
        """Start a new cluster with its first steps."""
        self.clusters[cluster.id] = cluster
        self._changes.cluster_moves(cluster, ClusterState.STARTING)
        self.add(cluster, steps)
        self._after(self._boot_seconds / 2, self._boot, cluster)

    def add(self, cluster: Cluster, steps: Sequence[Step]) -> None:
        """Queue steps that were checked before."""
        for step in steps:
            cluster.hold(step)
            self._changes.step_moved(cluster, step)
        self._start_due(cluster)

    def cancel(self, cluster: Cluster, step: Step, number: signal.Signals) -> None:
        """End a step that is not over, by this signal when it runs."""
        if step.state is StepState.PENDING:
            cluster.pending.remove(step)
            self._end(cluster, step, StepState.CANCELLED, "Cancelled by user")
            self._settle(cluster)
        else:
            is_new = step.state is not StepState.CANCEL_PENDING
            step.move(StepState.CANCEL_PENDING, time.time())
            if is_new:
                self._changes.step_moved(cluster, step)
            self._signal(step, number)

    def set_concurrency(self, cluster: Cluster, level: int) -> None:
        """Let so many steps run at once from now on; those that run already go on."""
        cluster.concurrency = level
        self._changes.save_cluster(cluster)
        self._start_due(cluster)

    def save(self, cluster: Cluster) -> None:
        """Write a change of tags or protection."""
        self._changes.save_cluster(cluster)

    def terminate(self, cluster: Cluster, reason: Reason) -> None:
        """Shut a cluster down; does nothing to one that is on its way already."""
        if cluster.state.is_over:
            return
        cluster.reason = reason
        self._changes.cluster_moves(cluster, ClusterState.TERMINATING)
        self._cancel_pending(cluster)
        for step in cluster.running.values():
            self._signal(step, signal.SIGKILL)
        self._changes.then(partial(self._cluster_ends, cluster.id))
        self._after(self._boot_seconds, self._terminate_when_idle, cluster)

    def add_application(self, cluster_id: str, step_id: str) -> str:
        """Note that a running step has submitted a YARN application; returns its id."""
        cluster = self.clusters.get(cluster_id)
        step = cluster.running.get(step_id) if cluster else None
        if cluster is None or step is None or cluster.state.is_over:
            raise AwsError("ValidationException", f"No step {step_id} runs on {cluster_id}.")
        step.applications = (*step.applications, cluster.new_application_id())
        self._changes.save_step(step)
        return step.applications[-1]

    def kill(self, cluster_id: str) -> None:
        """Let a cluster die, as when it loses its master node, with all that runs on it."""
        with self.changing():
            if cluster_id not in self.clusters:
                raise AwsError("ValidationException", f"There is no cluster {cluster_id}.")
            self.terminate(self.clusters[cluster_id], DEAD)

    def starting(self, step: Step) -> bool:
        """Note that the step's process is about to start; False when it must not any more."""
        with self.changing():
            step = self._known(step)
            if self._stopped or step.state is not StepState.RUNNING or step.process_starts:
                return False
            step.process_starts += 1
            self._changes.save_step(step)
            return True

    def ended(self, step: Step, failure: Failure | None) -> None:
        """Note the end of a step that was started; without a failure it went well."""
        with self.changing():
            cluster, step = self.clusters[step.cluster_id], self._known(step)
            if self._stopped or cluster.running.pop(step.id, None) is None:
                return
            if step.state is StepState.CANCEL_PENDING:
                self._end(cluster, step, StepState.CANCELLED, "Cancelled by user")
            elif cluster.reason == DEAD:
                self._end(cluster, step, StepState.INTERRUPTED, DEAD.message)
            elif cluster.state.is_over:
                self._end(cluster, step, StepState.CANCELLED, "Job terminated")
            elif failure is None:
                self._end(cluster, step, StepState.COMPLETED)
            else:
                self._fail(cluster, step, failure)
            self._settle(cluster)

    def _fail(self, cluster: Cluster, step: Step, failure: Failure) -> None:
        step.failure = failure
        self._end(cluster, step, StepState.FAILED)
        # With more than one step at a time EMR knows only CONTINUE.
        if cluster.concurrency > 1:
            return
        match step.action_on_failure:
            case "TERMINATE_CLUSTER" | "TERMINATE_JOB_FLOW":
                message = f"Shut down as step failed: {step.id}"
                self.terminate(cluster, Reason("STEP_FAILURE", message))
            case "CANCEL_AND_WAIT":
                self._cancel_pending(cluster)

    def _revive(self, cluster: Cluster) -> None:
        """Bring a cluster of an earlier server back; what ran then is never run again."""
        for step in cluster.running.values():
            if step.state is StepState.RUNNING:
                step.failure = RESTARTED
                self._end(cluster, step, StepState.FAILED)
            else:
                self._end(cluster, step, StepState.CANCELLED, "Cancelled by user")
        cluster.running.clear()
        if cluster.state is ClusterState.TERMINATING:
            self._terminated(cluster)
        elif not cluster.state.is_over:
            self._ready(cluster)

    def _boot(self, cluster: Cluster) -> None:
        if cluster.state is ClusterState.STARTING:
            self._changes.cluster_moves(cluster, ClusterState.BOOTSTRAPPING)
            self._after(self._boot_seconds / 2, self._booted, cluster)

    def _booted(self, cluster: Cluster) -> None:
        if cluster.state is ClusterState.BOOTSTRAPPING:
            self._ready(cluster)

    def _ready(self, cluster: Cluster) -> None:
        cluster.ready = cluster.ready or time.time()
        self._changes.cluster_moves(cluster, ClusterState.RUNNING)
        self._settle(cluster)

    def _settle(self, cluster: Cluster) -> None:
        """Start what may start now; with nothing left to do, wait or shut down."""
        self._start_due(cluster)
        if not cluster.state.is_up or cluster.running:
            return
        if cluster.stays_without_steps:
            if cluster.state is not ClusterState.WAITING:
                self._changes.cluster_moves(cluster, ClusterState.WAITING)
        else:
            self.terminate(cluster, Reason("ALL_STEPS_COMPLETED", "Steps completed"))

    def _start_due(self, cluster: Cluster) -> None:
        while (
            cluster.state.is_up and cluster.pending and len(cluster.running) < cluster.concurrency
        ):
            step = cluster.pending.popleft()
            cluster.running[step.id] = step
            step.move(StepState.RUNNING, time.time())
            self._changes.step_moved(cluster, step)
            if cluster.state is ClusterState.WAITING:
                self._changes.cluster_moves(cluster, ClusterState.RUNNING)
            start, log_uri = self._runner(step).start, step.log_uri or cluster.log_uri
            self._changes.then(partial(start, step, log_uri))

    def _terminate_when_idle(self, cluster: Cluster) -> None:
        if cluster.running:
            self._after(0.02, self._terminate_when_idle, cluster)
        else:
            self._terminated(cluster)

    def _terminated(self, cluster: Cluster) -> None:
        failed = cluster.reason is not None and cluster.reason.is_error
        cluster.ended = time.time()
        end = ClusterState.TERMINATED_WITH_ERRORS if failed else ClusterState.TERMINATED
        self._changes.cluster_moves(cluster, end)

    def _cancel_pending(self, cluster: Cluster) -> None:
        while cluster.pending:
            step = cluster.pending.popleft()
            self._end(cluster, step, StepState.CANCELLED, "Job terminated")

    def _end(self, cluster: Cluster, step: Step, state: StepState, reason: str = "") -> None:
        step.reason = reason
        step.move(state, time.time())
        self._changes.step_moved(cluster, step)

    def _after(self, seconds: float, change: Callable[[Cluster], None], cluster: Cluster) -> None:
        """Make this change to the cluster later."""

        def make() -> None:
            with self.changing():
                change(self.clusters[cluster.id])

        self._changes.then(lambda: self._timers.after(seconds, make))

    def _signal(self, step: Step, number: signal.Signals) -> None:
        self._changes.then(partial(self._runner(step).signal, step, number))

    def _known(self, step: Step) -> Step:
        """The step as it is now: after an error all are made anew, and a runner holds an old one."""
        return self.clusters[step.cluster_id].steps[step.id]

    def _runner(self, step: Step) -> Runner:
        return self._runners.get(step.jar, self._runners[None])
