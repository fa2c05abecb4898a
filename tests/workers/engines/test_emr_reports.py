"""What EMR says of a step, and what a newer EMR may say one day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from tagfleet.workers.engines.base import StepState
from tagfleet.workers.engines.emr_reports import report_of
from tagfleet.workers.step_moves import STATUS_OF

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def a_step(state: str = "RUNNING", **changes: Any) -> Any:
    """One entry of ListSteps."""
    status = {"State": state, "Timeline": {"CreationDateTime": MOMENT}}
    return {"Id": "s-1", "Name": "job-1.1", "Status": status, **changes}


def test_every_state_of_the_installed_botocore_is_known() -> None:
    model = botocore.session.get_session().get_service_model("emr")
    assert set(model.shape_for("StepState").enum) == set(StepState) - {StepState.UNKNOWN}
    assert set(STATUS_OF) == set(StepState)


def test_a_state_that_nobody_knows_is_reported_as_that(caplog: pytest.LogCaptureFixture) -> None:
    assert report_of(a_step("PAUSED")).state is StepState.UNKNOWN
    assert "PAUSED" in caplog.text


def test_the_applications_of_a_step_are_reported() -> None:
    more = {"AdditionalInfo": {"ResourceManagerApplicationIds": ["application_1_1"]}}
    assert report_of(a_step(**more)).application_ids == ("application_1_1",)


@pytest.mark.parametrize("more", [{}, {"AdditionalInfo": {}}, {"AdditionalInfo": None}])
def test_a_step_without_applications_has_none(more: dict[str, Any]) -> None:
    assert report_of(a_step(**more)).application_ids == ()
