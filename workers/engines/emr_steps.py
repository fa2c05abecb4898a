"""EMR on EC2: jobs as steps of a running cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from ...models.aws import THROTTLES, AwsClients
from ...models.resources import Engine
from ...monitoring import recorder
from ..batches import in_batches
from .base import (
    ClusterFull,
    ClusterGone,
    OutcomeUnknown,
    StepReport,
    StepSpec,
    StepsRefused,
    StepState,
    Throttled,
    Unanswered,
)

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr.type_defs import StepConfigTypeDef, StepSummaryTypeDef

Answer = TypeVar("Answer")

#: ListSteps takes at most 10 ids (EMR API reference, ListSteps).
IDS_A_CALL = 10

# EMR has one code for all of these; the texts are those that its clients match on (mrjob, the Terraform provider).
_REFUSALS = frozenset({"ValidationException", "InvalidRequestException"})
_FULL = "maximum number of active steps"
_SHUTTING_DOWN = "shutting down, terminated, or finished"
_UNKNOWN = ("job flow id not valid", "is not valid", "does not exist")


class EmrSteps:
    """Speaks to EMR's steps API through boto3."""

    #: AddJobFlowSteps takes at most 256 steps (EMR API reference).
    batch_size = 256

    #: Connect and read time-outs of the submitting client (see AwsClients.emr_submit), and a margin.
    submit_seconds = 20.0

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def submit(self, engine: Engine, steps: Sequence[StepSpec]) -> list[str]:
        """Add the steps by one AddJobFlowSteps; see ClusterEngine.submit."""
        client = self._clients.emr_submit(engine.region, engine.role_arn)
        role = {"ExecutionRoleArn": engine.execution_role_arn} if engine.execution_role_arn else {}
        try:
            answer = _counted(
                "AddJobFlowSteps",
                lambda: client.add_job_flow_steps(
                    JobFlowId=engine.cluster_id,
                    Steps=[_step_config(step) for step in steps],
                    **role,
                ),
            )
        except ClientError as error:
            raise _refusal(error) from error
        except ParamValidationError as error:
            raise StepsRefused(str(error)) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise Unanswered(str(error)) from error
        except BotoCoreError as error:
            raise OutcomeUnknown(str(error)) from error
        return list(answer["StepIds"])

    def reports(self, engine: Engine) -> Iterator[StepReport]:
        """List the steps, a page of 50 a call; see ClusterEngine.reports."""
        client, marker = self._reader(engine), None
        while True:
            page = _ask(
                "ListSteps",
                engine,
                _list_call(
                    client, ClusterId=engine.cluster_id, **({"Marker": marker} if marker else {})
                ),
            )
            yield from (_report(step) for step in page["Steps"])
            if not (marker := page.get("Marker")):
                return

    def reports_of(self, engine: Engine, step_ids: Sequence[str]) -> list[StepReport]:
        """List these steps, 10 a call; see ClusterEngine.reports_of."""
        client = self._reader(engine)
        found: list[StepReport] = []
        for ids in in_batches(step_ids, IDS_A_CALL):
            try:
                page = _ask(
                    "ListSteps",
                    engine,
                    _list_call(client, ClusterId=engine.cluster_id, StepIds=list(ids)),
                )
            except ClusterGone:
                # One id that EMR no longer shows (it keeps the newest 1,000) refuses all ten.
                if len(ids) > 1:
                    found += [
                        report for step_id in ids for report in self.reports_of(engine, [step_id])
                    ]
                continue
            found += [_report(step) for step in page["Steps"]]
        return found

    def cancel(self, engine: Engine, step_ids: Sequence[str], *, hard: bool) -> dict[str, str]:
        """Cancel the steps by one CancelSteps for 256; see ClusterEngine.cancel."""
        client = self._reader(engine)
        option: Any = "TERMINATE_PROCESS" if hard else "SEND_INTERRUPT"
        refused: dict[str, str] = {}
        for ids in in_batches(step_ids, self.batch_size):
            answer = _ask(
                "CancelSteps",
                engine,
                lambda ids=ids: client.cancel_steps(  # type: ignore[misc]
                    ClusterId=engine.cluster_id, StepIds=list(ids), StepCancellationOption=option
                ),
            )
            refused |= {
                info["StepId"]: info.get("Reason", "no reason given")
                for info in answer["CancelStepsInfoList"]
                if info["Status"] == "FAILED"
            }
        return refused

    def _reader(self, engine: Engine) -> EMRClient:
        return self._clients.emr_read(engine.region, engine.role_arn)


def _list_call(client: EMRClient, **arguments: Any) -> Callable[[], Any]:
    return lambda: client.list_steps(**arguments)


def _ask(operation: str, engine: Engine, call: Callable[[], Answer]) -> Answer:
    """Make a call that changes nothing, or may be made twice; its errors say nothing about any step."""
    try:
        return _counted(operation, call)
    except ClientError as error:
        code, text = _code_and_text(error)
        if code in THROTTLES:
            raise Throttled(f"{operation}: {text}") from error
        if _SHUTTING_DOWN in text.lower() or any(part in text.lower() for part in _UNKNOWN):
            raise ClusterGone(f"EMR cluster {engine.cluster_id}: {text}") from error
        raise Unanswered(f"{operation}: {code}: {text}") from error
    except BotoCoreError as error:
        raise Unanswered(f"{operation}: {error}") from error


def _counted(operation: str, call: Callable[[], Answer]) -> Answer:
    begin, result = time.monotonic(), "unknown"
    try:
        answer = call()
        result = "ok"
    except ClientError as error:
        result = "throttled" if _code_and_text(error)[0] in THROTTLES else "error"
        raise
    finally:
        recorder.record_emr_call(operation, result, time.monotonic() - begin)
    return answer


def _refusal(error: ClientError) -> Exception:
    """What a submission's error says of its steps; only words that EMR is known to use are believed."""
    code, text = _code_and_text(error)
    said = text.lower()
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    if code in THROTTLES:
        return Throttled(text)
    if status >= 500 or code.startswith(("Internal", "ServiceUnavailable")):
        return OutcomeUnknown(f"{code}: {text}")
    if _FULL in said:
        return ClusterFull(text)
    if _SHUTTING_DOWN in said:
        return ClusterGone(text)
    if code in _REFUSALS and not any(part in said for part in _UNKNOWN):
        return StepsRefused(text)
    # Credentials, rights, a cluster that this account does not know: nothing was added, and it may pass.
    return Unanswered(f"{code}: {text}")


def _code_and_text(error: ClientError) -> tuple[str, str]:
    found = error.response.get("Error", {})
    return found.get("Code", "Unknown"), found.get("Message", str(error))


def _step_config(step: StepSpec) -> StepConfigTypeDef:
    return {
        "Name": step.name,
        # Anything else would stop, or end, a cluster that others share; with step concurrency
        # above 1, EMR accepts nothing else.
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": step.jar, "Args": list(step.arguments)},
    }


def _report(step: StepSummaryTypeDef) -> StepReport:
    status, timeline = step["Status"], step["Status"]["Timeline"]
    details = status.get("FailureDetails") or {}
    reason = status.get("StateChangeReason") or {}
    parts = [details.get("Reason"), details.get("Message"), reason.get("Message")]
    return StepReport(
        step_id=step["Id"],
        name=step["Name"],
        state=StepState(status["State"]),
        created=timeline["CreationDateTime"],
        started=timeline.get("StartDateTime"),
        ended=timeline.get("EndDateTime"),
        failure=" ".join(part for part in parts if part) or None,
    )
