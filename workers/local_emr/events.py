"""EventBridge's events about steps and clusters: what they say, and how they get to a queue."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .clusters import Cluster, ClusterState
from .errors import AwsError
from .faults import EVENTS, Faults, Mode
from .sqs.queues import Queues
from .steps import Step, StepState

log = logging.getLogger(__name__)

#: Severity and text of each state of a step that has an event; INTERRUPTED has none
#: (EMR guide, "Monitoring Amazon EMR events with CloudWatch").
_OF_STEPS: Final = {
    StepState.PENDING: ("INFO", "{step} was added to {cluster} at {now} and is pending execution."),
    StepState.RUNNING: ("INFO", "{step} in {cluster} started running at {now}."),
    StepState.CANCEL_PENDING: (
        "WARN", "{step} in {cluster} was cancelled at {now} and is pending cancellation.",
    ),
    StepState.COMPLETED: (
        "INFO",
        "{step} in {cluster} completed execution at {now}. The step started running at {started}"
        " and took {minutes} minutes to complete.",
    ),
    StepState.CANCELLED: (
        "WARN",
        "Cancellation request has succeeded for cluster step {step} in {cluster} at {now}, and the"
        " step is now cancelled.",
    ),
    StepState.FAILED: ("ERROR", "{step} in {cluster} failed at {now}."),
}  # fmt: skip

#: The same for clusters. TERMINATED is CRITICAL when it was nobody's wish.
_OF_CLUSTERS: Final = {
    ClusterState.STARTING: ("INFO", "{cluster} was requested at {now} and is being created."),
    ClusterState.RUNNING: ("INFO", "{cluster} began running steps at {now}."),
    ClusterState.WAITING: ("INFO", "{cluster} finished running all pending steps at {now}."),
    ClusterState.TERMINATED: ("INFO", "{cluster} has terminated at {now} with a reason of {code}."),
    ClusterState.TERMINATED_WITH_ERRORS: (
        "CRITICAL", "{cluster} has terminated with errors at {now} with a reason of {code}.",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One event: the state that it tells of, and its JSON."""

    state: str
    body: str


def step_event(cluster: Cluster, step: Step, now: float) -> Event | None:
    """What EventBridge says when the step has come into its state; None when nothing."""
    if step.state not in _OF_STEPS:
        return None
    severity, text = _OF_STEPS[step.state]
    started = step.started or now
    message = text.format(
        step=f"Step {step.id} ({step.name})", cluster=_called(cluster), now=_minute(now),
        started=_minute(started), minutes=round((now - started) / 60),
    )  # fmt: skip
    detail = {
        "severity": severity,
        "actionOnFailure": step.action_on_failure,
        "stepId": step.id,
        "name": step.name,
        "clusterId": cluster.id,
        "state": step.state,
        "message": message,
    }
    return _event("EMR Step Status Change", detail, now)


def cluster_event(cluster: Cluster, now: float) -> Event | None:
    """What EventBridge says when the cluster has come into its state; None when nothing."""
    if cluster.state not in _OF_CLUSTERS:
        return None
    severity, text = _OF_CLUSTERS[cluster.state]
    reason = cluster.reason
    code = reason.code if reason else ""
    detail = {
        "severity": severity,
        "stateChangeReason": json.dumps(
            {"code": code, **({"message": reason.message} if reason else {})}, separators=(",", ":")
        ),
        "name": cluster.name,
        "clusterId": cluster.id,
        "state": cluster.state,
        "message": text.format(cluster=_called(cluster), now=_minute(now), code=code),
    }
    return _event("EMR Cluster State Change", detail, now)


class EventBus:
    """Sends events to a queue; with faults, some get lost, come twice, or late.

    Arguments:
        queues: Where the queue is.
        faults: What goes wrong on request, under the name "events".
    """

    def __init__(self, queues: Queues, faults: Faults) -> None:
        self._queues, self._faults = queues, faults
        self.queue: str | None = None

    def send_to(self, queue: str | None) -> None:
        """Send to this queue from now on, and make it if there is none; to None: nowhere."""
        if queue is not None:
            self._queues.create(queue, {})
        self.queue = queue

    def publish(self, events: Sequence[Event]) -> None:
        """Send events. One that cannot be sent is lost: EMR's own delivery is "best effort", too."""
        queue = self.queue
        if queue is None:
            return
        deliveries = [(event.body, delay) for event in events for delay in self._delays(event)]
        try:
            self._queues.send(queue, deliveries)
        except AwsError as error:
            log.warning("Events for the queue %s are lost: %s", queue, error)
        except Exception:
            # What changed has changed, whether anybody hears of it or not.
            log.exception("Events for the queue %s are lost.", queue)

    def _delays(self, event: Event) -> Iterator[float]:
        """For each time that an event comes: after how many seconds."""
        hits = {fault.mode: fault for fault in self._faults.draw_all(EVENTS, event.state)}
        if Mode.DROP in hits:
            return
        late = hits.get(Mode.SHUFFLE)
        for _ in range(2 if Mode.DOUBLE in hits else 1):
            yield late.some_seconds() if late else 0.0


def _event(kind: str, detail: dict[str, Any], now: float) -> Event:
    content = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": "aws.emr",
        "account": "000000000000",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }
    return Event(detail["state"], json.dumps(content))


def _called(cluster: Cluster) -> str:
    return f"Amazon EMR cluster {cluster.id} ({cluster.name})"


def _minute(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))
