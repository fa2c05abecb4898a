"""EMR on EC2: jobs as steps of a running cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...models.aws import AwsClients
from ...models.resources import Engine
from ..batches import in_batches
from .base import ClusterGone, Deadline, OutcomeUnknown, StepReport, StepSpec, Unanswered
from .emr_calls import EmrCalls, StepsAbsent
from .emr_reports import report_of
from .governor import Governor

if TYPE_CHECKING:
    from mypy_boto3_emr.type_defs import (
        ListStepsInputTypeDef,
        ListStepsOutputTypeDef,
        StepConfigTypeDef,
    )

#: ListSteps takes at most 10 ids (EMR API reference, ListSteps).
IDS_A_CALL: Final = 10

#: How long a page of a listing waits for the quota, in seconds: the pages before it were paid for, and
#: whoever waits for a first page must have the same chance as who is at a later one.
PATIENCE_SECONDS: Final = 5.0


class EmrSteps:
    """Speaks to EMR's steps API through boto3.

    Arguments:
        governor: Asked before each call.
    """

    #: AddJobFlowSteps takes at most 256 steps (EMR API reference).
    batch_size = 256

    #: Connect and read time-outs of the client (see AwsClients.emr), and a margin.
    submit_seconds = 20.0

    def __init__(self, clients: AwsClients, governor: Governor) -> None:
        self._calls = EmrCalls(clients, governor)

    def admit(self, engine: Engine) -> None:
        """Take one AddJobFlowSteps of the quota; see ClusterEngine.admit."""
        self._calls.admit("AddJobFlowSteps", engine)

    def submit(
        self,
        engine: Engine,
        steps: Sequence[StepSpec],
        deadline: Deadline,
    ) -> list[str]:
        """Add the steps by one AddJobFlowSteps; see ClusterEngine.submit."""
        role = {"ExecutionRoleArn": engine.execution_role_arn} if engine.execution_role_arn else {}
        answer = self._calls.send(
            "AddJobFlowSteps",
            engine,
            lambda client: client.add_job_flow_steps(
                JobFlowId=engine.cluster_id, Steps=[_step_config(step) for step in steps], **role
            ),
            deadline,
        )
        step_ids = answer.get("StepIds") or []
        if len(step_ids) != len(steps):
            # boto3 makes an empty answer of what is none, a proxy's page for instance.
            raise OutcomeUnknown(f"EMR answered with {len(step_ids)} ids for {len(steps)} steps")
        return list(step_ids)

    def reports(self, engine: Engine) -> Iterator[StepReport]:
        """List the steps, a page of 50 a call; see ClusterEngine.reports."""
        page = self._list(engine, {"ClusterId": engine.cluster_id})
        yield from map(report_of, page["Steps"])
        while marker := page.get("Marker"):
            page = self._list(engine, {"ClusterId": engine.cluster_id, "Marker": marker})
            yield from map(report_of, page["Steps"])

    def reports_of(self, engine: Engine, step_ids: Sequence[str]) -> list[StepReport]:
        """List these steps, 10 a call; see ClusterEngine.reports_of."""
        found: list[StepReport] = []
        for ids in in_batches(step_ids, IDS_A_CALL):
            try:
                page = self._list(engine, {"ClusterId": engine.cluster_id, "StepIds": list(ids)})
            except StepsAbsent:
                for half in _halves(ids):
                    found += self.reports_of(engine, half)
            except ClusterGone:
                return []
            else:
                found += map(report_of, page["Steps"])
        return found

    def has_ended(self, engine: Engine) -> bool:
        """Ask by one DescribeCluster; see ClusterEngine.has_ended."""
        try:
            answer = self._calls.ask(
                "DescribeCluster",
                engine,
                lambda client: client.describe_cluster(ClusterId=engine.cluster_id),
            )
        except ClusterGone:
            # Another account's, or another region's, as far as this one knows.
            return False
        return answer["Cluster"]["Status"]["State"].startswith("TERMINAT")

    def cancel(self, engine: Engine, step_ids: Sequence[str], *, hard: bool) -> dict[str, str]:
        """Cancel the steps by one CancelSteps for 256; see ClusterEngine.cancel."""
        refused: dict[str, str] = {}
        for ids in in_batches(step_ids, self.batch_size):
            refused |= self._cancel(engine, ids, "TERMINATE_PROCESS" if hard else "SEND_INTERRUPT")
        return refused

    def _cancel(self, engine: Engine, ids: Sequence[str], option: Any) -> dict[str, str]:
        try:
            answer = self._calls.ask(
                "CancelSteps",
                engine,
                lambda client: client.cancel_steps(
                    ClusterId=engine.cluster_id, StepIds=list(ids), StepCancellationOption=option
                ),
            )
        except StepsAbsent as error:
            if len(ids) == 1:
                return {ids[0]: str(error)}
            one, other = _halves(ids)
            return self._cancel(engine, one, option) | self._cancel(engine, other, option)
        return {
            info["StepId"]: info.get("Reason", "no reason given")
            for info in answer["CancelStepsInfoList"]
            if info["Status"] == "FAILED"
        }

    def _list(self, engine: Engine, which: ListStepsInputTypeDef) -> ListStepsOutputTypeDef:
        page = self._calls.ask(
            "ListSteps",
            engine,
            lambda client: client.list_steps(**which),
            patience=PATIENCE_SECONDS,
        )
        if "Steps" not in page:
            raise Unanswered("ListSteps: the answer is not one of EMR's")
        return page


def _halves(ids: Sequence[str]) -> list[Sequence[str]]:
    """Both halves, since one id that EMR does not show refuses a whole call; none of a single one."""
    middle = len(ids) // 2
    return [ids[:middle], ids[middle:]] if middle else []


def _step_config(step: StepSpec) -> StepConfigTypeDef:
    return {
        "Name": step.name,
        # Anything else would stop, or end, a cluster that others share; with step concurrency
        # above 1, EMR accepts nothing else.
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": step.jar, "Args": list(step.arguments)},
    }
