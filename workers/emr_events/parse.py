"""Reads the body of an SQS message: an event of EMR, as EventBridge or SNS delivers it; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from ...models.errors import Fatal
from ..engines.base import StepReport, StepState

#: EventBridge's names of what EMR tells (EventBridge events reference, "Amazon EMR").
STEP_CHANGE: Final = "EMR Step Status Change"
CLUSTER_CHANGE: Final = "EMR Cluster State Change"

#: All that EMR says of a step that failed, when it knows no reason: that it did.
_NO_REASON: Final = re.compile(r"Step \S+ \(.*\) in Amazon EMR cluster \S+ \(.*\) [^()]* UTC\.?")

#: Of the reason, as many characters are kept.
LONGEST_REASON: Final = 2_000

_ENDED: Final = frozenset(
    {StepState.COMPLETED, StepState.CANCELLED, StepState.FAILED, StepState.INTERRUPTED}
)


class Unreadable(Fatal):
    """The message is no event of EMR; says why."""


@dataclass(frozen=True, slots=True)
class StepEvent:
    """A step is in another state now."""

    cluster_id: str
    report: StepReport


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """A cluster is in another state now."""

    cluster_id: str
    state: str

    @property
    def ends(self) -> bool:
        """Whether the cluster is ending or has ended."""
        return self.state.startswith("TERMINAT")


EmrEvent: TypeAlias = StepEvent | ClusterEvent


def parse(body: str) -> EmrEvent | None:
    """Read one message; None: an event of another kind, which a wide rule lets through.

    Raises:
        Unreadable: It is no such event; the same message will never be one.
    """
    event = _object(body, "the body")
    if event.get("Type") == "Notification":
        event = _object(event.get("Message"), "the notification's Message")
    kind = _text(event, "detail-type")
    if kind not in (STEP_CHANGE, CLUSTER_CHANGE):
        return None
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise Unreadable("the event has no detail")
    cluster_id = _text(detail, "clusterId")
    if kind == CLUSTER_CHANGE:
        return ClusterEvent(cluster_id, _text(detail, "state"))
    return StepEvent(cluster_id, _report(detail, _time(event)))


def _report(detail: Mapping[str, Any], moment: datetime) -> StepReport:
    state = _state(detail)
    return StepReport(
        step_id=_text(detail, "stepId"),
        name=_text(detail, "name"),
        state=state,
        # When it was created is not told; no later than this.
        created=moment,
        started=moment if state is StepState.RUNNING else None,
        ended=moment if state in _ENDED else None,
        failure=_reason(detail) if state in _ENDED - {StepState.COMPLETED} else None,
    )


def _object(text: object, what: str) -> dict[str, Any]:
    if not isinstance(text, str):
        raise Unreadable(f"{what} is no text")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{what} is no JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise Unreadable(f"{what} is no JSON object")
    return found


def _text(found: Mapping[str, Any], name: str) -> str:
    text = found.get(name)
    if not isinstance(text, str) or not text:
        raise Unreadable(f"the event has no {name}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # Half a surrogate pair cannot even be asked for in MongoDB.
        raise Unreadable(f"its {name} holds half a character") from error
    return text


def _state(detail: Mapping[str, Any]) -> StepState:
    text = _text(detail, "state")
    try:
        return StepState(text)
    except ValueError as error:
        raise Unreadable(f"its state {text[:50]!r} is none of a step's") from error


def _time(event: Mapping[str, Any]) -> datetime:
    text = _text(event, "time")
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"its time {text[:50]!r} is none") from error


def _reason(detail: Mapping[str, Any]) -> str | None:
    message = detail.get("message")
    if not isinstance(message, str):
        return None
    message = message[:LONGEST_REASON].encode(errors="replace").decode().strip()
    return None if _NO_REASON.fullmatch(message) else message or None
