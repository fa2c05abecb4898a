"""Events as EventBridge sends them, and jobs that they are about."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tagfleet.models.job import Job
from tagfleet.models.states import JobStatus
from tagfleet.workers.emr_events.parse import StepEvent, parse

START = datetime(2026, 1, 1, tzinfo=UTC)

CLUSTER = "j-MAIN"


def step_body(state: str, step_id: str = "s-1", **changes: Any) -> str:
    """An "EMR Step Status Change" (EMR management guide, "When to set up EMR events in CloudWatch")."""
    detail = {
        "severity": "INFO",
        "actionOnFailure": "CONTINUE",
        "stepId": step_id,
        "name": "job-1.1 daily",
        "clusterId": CLUSTER,
        "state": state,
        "message": f"Step {step_id} (job-1.1 daily) in Amazon EMR cluster {CLUSTER} (main) is at it.",
        **changes,
    }
    return json.dumps(event("EMR Step Status Change", detail))


def cluster_body(state: str, cluster_id: str = CLUSTER) -> str:
    """An "EMR Cluster State Change"."""
    detail = {
        "severity": "INFO",
        "stateChangeReason": '{"code":"USER_REQUEST"}',
        "name": "main",
        "clusterId": cluster_id,
        "state": state,
        "message": "",
    }
    return json.dumps(event("EMR Cluster State Change", detail))


def event(kind: str, detail: object) -> dict[str, Any]:
    """What is around the detail."""
    return {
        "version": "0",
        "id": "999cccaa-eaaa-0000-1111-123456789012",
        "detail-type": kind,
        "source": "aws.emr",
        "account": "123456789012",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }


def a_step_event(state: str, step_id: str = "s-1", **changes: Any) -> StepEvent:
    """The event as it is read."""
    found = parse(step_body(state, step_id, **changes))
    assert isinstance(found, StepEvent)
    return found


def a_job(status: JobStatus, **changes: Any) -> Job:
    """A job on the cluster; its step would be called `job-1.1 daily`."""
    parts: dict[str, Any] = {
        "id": "job-1",
        "request_json": "{}",
        "digest": "d",
        "name": "daily",
        "user": "ana",
        "version": "1",
        "tag_group": "default",
        "priority": 0,
        "status": status,
        "status_message": "so far",
        "created": START,
        "updated": START,
        "emr_cluster_id": CLUSTER,
    }
    if status is JobStatus.CLAIMED:
        parts |= {"epoch": 3, "claimed": START}
    elif status is not JobStatus.ACCEPTED:
        parts["step_id"] = "s-1"
    return Job(**parts | changes)
