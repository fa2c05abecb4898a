"""Lets a plan's faults happen when their time has come."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from .ground import Ground
from .load import Producer
from .plan import MANY, Fault, Plan
from .workers import Workers

#: How long it may take until every published request is recorded.
RECORD_SECONDS = 240.0


class Trouble:
    """Carries out the faults of a plan, each by the method that it names; from the thread of the workers."""

    def __init__(self, plan: Plan, ground: Ground, workers: Workers, producer: Producer) -> None:
        self._left = deque(plan.faults)
        self._ground, self._workers, self._producer = ground, workers, producer
        self._began = time.monotonic()
        self._broker_answers = True
        self.counts: Counter[str] = Counter()

    @property
    def is_over(self) -> bool:
        """Whether all faults have happened."""
        return not self._left

    def turn(self) -> None:
        """Let what is due happen."""
        while self._left and self._left[0].at <= time.monotonic() - self._began:
            self._carry_out(self._left.popleft())

    def end(self) -> None:
        """Let nothing go wrong any more."""
        self._count_hits()
        self._ground.admin("DELETE", "faults")
        self.unthrottle()

    def _carry_out(self, fault: Fault) -> None:
        method: Callable[..., None] = getattr(self, fault.what)
        method(**fault.arguments)
        self.counts[fault.what] += 1

    def kill_worker(self, index: int) -> None:
        """Kill one at any moment."""
        self._workers.kill(index)

    def pause_worker(self, index: int, seconds: float) -> None:
        """Stop one for longer than its lease."""
        self._workers.pause(index, seconds)

    def replace_worker(self, index: int) -> None:
        """Tell one to stop and start another, as an upgrade does."""
        self._workers.replace(index)

    def kill_database(self) -> None:
        """Take MongoDB away."""
        self._ground.database.kill()

    def start_database(self) -> None:
        """Bring it back, with what it had."""
        self._ground.database.start()

    def kill_broker(self) -> None:
        """Take RabbitMQ away."""
        self._ground.rabbitmq.flush()
        self._ground.rabbitmq.kill9()
        self._broker_answers = False

    def start_broker(self) -> None:
        """Bring it back, with what it had."""
        self._ground.rabbitmq.restart()
        self._broker_answers = True

    def freeze_broker(self) -> None:
        """Let RabbitMQ answer nobody; its connections stay open."""
        self._ground.rabbitmq.freeze()
        self._broker_answers = False

    def thaw_broker(self) -> None:
        """Let it go on."""
        self._ground.rabbitmq.thaw()
        self._broker_answers = True

    def lose_queues(self) -> None:
        """Delete all queues, when every request that was published is recorded as a job.

        A request that is in RabbitMQ alone goes with its queue, and no fleet can know of it.
        """
        with self._producer.quiet():
            deadline = time.monotonic() + RECORD_SECONDS
            while missing := self._producer.confirmed - self._recorded():
                self._workers.tend()
                assert time.monotonic() < deadline, f"never recorded: {sorted(missing)}"
                time.sleep(0.1)
            self._ground.lose_queues()

    def publish_nonsense(self) -> None:
        """Send what is no request: a dead letter, and no more."""
        if self._broker_answers:
            self._ground.publish(b"no request")

    def throttle(self) -> None:
        """Let EMR take no more calls than its documented quotas."""
        self._ground.admin("POST", "throttle", {"enforced": True})

    def unthrottle(self) -> None:
        """Let it take all calls."""
        self._ground.admin("POST", "throttle", {"enforced": False})

    def emr(self, faults: dict[str, Any]) -> None:
        """Let calls of the cluster's API, and its events, go wrong until the end."""
        self._ground.admin("POST", "faults", faults)

    def _recorded(self) -> set[str]:
        with self._ground.database.jobs() as jobs:
            return {str(row["_id"]) for row in jobs.find({}, {"_id": 1})}

    def _count_hits(self) -> None:
        for subject, faults in self._ground.admin("GET", "faults").items():
            for fault in faults:
                self.counts[f"{subject} {fault['mode']}"] = MANY - fault["count"]
