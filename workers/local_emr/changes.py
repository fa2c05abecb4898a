"""Changes to clusters and steps: written all together or not at all, and only then told to others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .clusters import Cluster, ClusterState
from .events import Event, cluster_event, step_event
from .state import State
from .steps import Step


class Changes:
    """What is being changed by the one thread that may.

    Arguments:
        state: Where everything is written.
        publish: Takes the events that EMR would send; must not fail.
    """

    def __init__(self, state: State, publish: Callable[[Sequence[Event]], None]) -> None:
        self._state, self._publish = state, publish
        self._effects: list[Callable[[], None]] = []
        self._news: list[Event] = []

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is saved inside is on disk when this ends; then what follows from it is done."""
        try:
            with self._state.transaction():
                yield
            effects, news = self._effects, self._news
        finally:
            self._effects, self._news = [], []
        for effect in effects:
            effect()
        self._publish(news)

    def save_cluster(self, cluster: Cluster) -> None:
        """Write a change that is no change of the cluster's state."""
        self._state.save_cluster(cluster)

    def save_step(self, step: Step) -> None:
        """Write a change that is no change of the step's state."""
        self._state.save_step(step)

    def cluster_moves(self, cluster: Cluster, state: ClusterState) -> None:
        """Bring the cluster into this state."""
        cluster.state = state
        self._state.save_cluster(cluster)
        self._tell(cluster_event(cluster, time.time()))

    def step_moved(self, cluster: Cluster, step: Step) -> None:
        """Write that the step has come into its state."""
        self._state.save_step(step)
        self._tell(step_event(cluster, step, time.time()))

    def then(self, effect: Callable[[], None]) -> None:
        """Do this when all is written; never, when it cannot be."""
        self._effects.append(effect)

    def _tell(self, event: Event | None) -> None:
        if event:
            self._news.append(event)
