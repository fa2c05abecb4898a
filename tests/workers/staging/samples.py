"""Resources for tests, with only what a test cares for."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tagfleet.models.resources import Application, Cluster, Command, Criterion, JobRequest
from tagfleet.workers.staging import FileToStage, StagingPlan, plan_staging

_NAMED = {"name": "sample", "user": "tester", "version": "1"}


def cluster(**fields: Any) -> Cluster:
    """A cluster."""
    return Cluster(**({"id": "c1"} | _NAMED | fields))


def command(**fields: Any) -> Command:
    """A command."""
    return Command(**({"id": "k1"} | _NAMED | fields))


def application(**fields: Any) -> Application:
    """An application."""
    return Application(**({"id": "a1"} | _NAMED | fields))


def request(**fields: Any) -> JobRequest:
    """A job's request."""
    criterion = Criterion(tags=frozenset({"any"}))
    always = {"id": "j1", "cluster_criteria": (criterion,), "command_criterion": criterion}
    return JobRequest(**(always | _NAMED | fields))


def plan(**fields: Any) -> StagingPlan:
    """The plan of a job whose request has these fields, and nothing else has files."""
    return plan_staging(cluster(), [], command(), request(**fields))


def plan_of(*files: tuple[str, str]) -> StagingPlan:
    """A plan of sources and targets."""
    return StagingPlan(tuple(FileToStage(source, target) for source, target in files), ())


class _Empty(io.BytesIO):
    """An empty body, as urllib3 would hand it on."""

    def stream(self, **_: object) -> list[bytes]:
        """All of it."""
        return [b""]


def answering(status: int) -> Callable[..., AWSResponse]:
    """A hook of boto3 that answers in the service's place."""

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return AWSResponse(request.url, status, {}, _Empty())

    return answer
