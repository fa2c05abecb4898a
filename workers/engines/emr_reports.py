"""Reads what EMR says of a step."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, cast

from .base import StepReport, StepState

if TYPE_CHECKING:
    from mypy_boto3_emr.type_defs import StepSummaryTypeDef

log = logging.getLogger(__name__)

#: Of what EMR says of a failure, as many characters are kept.
FAILURE_CHARACTERS: Final = 2_000


def report_of(step: StepSummaryTypeDef) -> StepReport:
    """One entry of ListSteps as a report."""
    status, timeline = step["Status"], step["Status"]["Timeline"]
    details = status.get("FailureDetails") or {}
    reason = status.get("StateChangeReason") or {}
    parts = [details.get("Reason"), details.get("Message"), reason.get("Message")]
    return StepReport(
        step_id=step["Id"],
        name=step["Name"],
        state=_state(step["Id"], status["State"]),
        created=timeline["CreationDateTime"],
        started=timeline.get("StartDateTime"),
        ended=timeline.get("EndDateTime"),
        failure=printable(" ".join(part for part in parts if part)),
        application_ids=_application_ids(step),
    )


def printable(text: str) -> str | None:
    """What EMR says, in a length that is fit for a job's document.

    Cut at a limit of its own, it may end in half a character, which MongoDB does not take.
    """
    return text[:FAILURE_CHARACTERS].encode(errors="replace").decode() or None


def _state(step_id: str, name: str) -> StepState:
    try:
        return StepState(name)
    except ValueError:
        log.warning(
            f"Step {step_id} is {name}, a state that this version does not know; its job is left as it is. "
            "Is there a newer tagfleet?",
            extra={"action": "unknown-state"},
        )
        return StepState.UNKNOWN


def _application_ids(step: StepSummaryTypeDef) -> tuple[str, ...]:
    # boto3-stubs knows less of this answer than botocore does.
    more = cast("dict[str, Any]", step).get("AdditionalInfo") or {}
    return tuple(more.get("ResourceManagerApplicationIds") or ())
