"""The operations of the EMR API."""

from __future__ import annotations

import itertools
import secrets
import signal
import string
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from . import limits
from .clusters import Cluster, Reason
from .errors import AwsError
from .scheduler import Scheduler
from .steps import Step
from .wire import Operation, Parameters

Answer: TypeAlias = dict[str, Any]
Listed = TypeVar("Listed", Cluster, Step)

#: How many clusters or steps a page holds.
PAGE: Final = 50

#: What each way of cancelling sends to a running step.
CANCELLATION_SIGNALS: Final = {
    "SEND_INTERRUPT": signal.SIGTERM,
    "TERMINATE_PROCESS": signal.SIGKILL,
}


class EmrService:
    """What the local EMR can do; each operation is a method that takes its parameters.

    Arguments:
        scheduler: Holds the clusters, and moves their steps.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def operations(self) -> Mapping[str, Operation]:
        """Every operation, by its name in the API."""
        return {
            "AddJobFlowSteps": self.add_job_flow_steps,
            "AddTags": self.add_tags,
            "CancelSteps": self.cancel_steps,
            "DescribeCluster": self.describe_cluster,
            "DescribeStep": self.describe_step,
            "ListClusters": self.list_clusters,
            "ListSteps": self.list_steps,
            "ModifyCluster": self.modify_cluster,
            "RemoveTags": self.remove_tags,
            "RunJobFlow": self.run_job_flow,
            "SetTerminationProtection": self.set_termination_protection,
            "TerminateJobFlows": self.terminate_job_flows,
        }

    def run_job_flow(self, parameters: Parameters) -> Answer:
        """Start a cluster."""
        limits.check_concurrency(parameters.get("StepConcurrencyLevel", 1))
        cluster = Cluster.from_request(_new_id("j-"), parameters, time.time())
        configs = parameters.get("Steps", [])
        limits.check_steps(cluster, configs)
        steps = _new_steps(cluster, configs, parameters.get("StepExecutionRoleArn"))
        with self._scheduler.changing():
            self._scheduler.create(cluster, steps)
        return {"JobFlowId": cluster.id, "ClusterArn": cluster.arn}

    def add_job_flow_steps(self, parameters: Parameters) -> Answer:
        """Queue steps on a cluster, all or none."""
        with self._scheduler.changing():
            cluster = self._job_flow(parameters["JobFlowId"])
            configs = parameters["Steps"]
            limits.check_steps(cluster, configs)
            steps = _new_steps(cluster, configs, parameters.get("ExecutionRoleArn"))
            self._scheduler.add(cluster, steps)
        return {"StepIds": [step.id for step in steps]}

    def describe_step(self, parameters: Parameters) -> Answer:
        """Show one step."""
        with self._scheduler.changing():
            cluster = self._cluster(parameters["ClusterId"])
            return {"Step": _visible(cluster, parameters["StepId"]).view()}

    def list_steps(self, parameters: Parameters) -> Answer:
        """Show steps, newest first, or those with the given ids in their order."""
        step_ids, states = parameters.get("StepIds", []), parameters.get("StepStates", [])
        limits.check_step_query(step_ids, states)
        with self._scheduler.changing():
            cluster = self._cluster(parameters["ClusterId"])
            if step_ids:
                return {"Steps": [_visible(cluster, step_id).view() for step_id in step_ids]}
            # The marker is a place in the full list: neither new steps nor steps that have left
            # the filter since then move the next page.
            steps = _after_marker(cluster.steps, parameters.get("Marker"))
            page, marker = _page(
                [
                    step
                    for step in steps
                    if cluster.shows(step) and (not states or step.state in states)
                ]
            )
            return {"Steps": [step.view() for step in page], "Marker": marker}

    def cancel_steps(self, parameters: Parameters) -> Answer:
        """Ask steps to end; those that have ended are refused one by one."""
        option = parameters.get("StepCancellationOption", "SEND_INTERRUPT")
        with self._scheduler.changing():
            cluster = self._cluster(parameters["ClusterId"])
            steps = [_valid(cluster.steps.get(each), each) for each in parameters["StepIds"]]
            infos = [self._cancel(cluster, step, CANCELLATION_SIGNALS[option]) for step in steps]
        return {"CancelStepsInfoList": infos}

    def describe_cluster(self, parameters: Parameters) -> Answer:
        """Show one cluster."""
        with self._scheduler.changing():
            return {"Cluster": self._cluster(parameters["ClusterId"]).view()}

    def list_clusters(self, parameters: Parameters) -> Answer:
        """Show clusters, newest first."""
        states = parameters.get("ClusterStates", [])
        after, before = parameters.get("CreatedAfter"), parameters.get("CreatedBefore")
        with self._scheduler.changing():
            clusters = _after_marker(self._scheduler.clusters, parameters.get("Marker"))
            page, marker = _page(
                [
                    cluster
                    for cluster in clusters
                    if (not states or cluster.state in states)
                    and (after is None or cluster.created >= after.timestamp())
                    and (before is None or cluster.created <= before.timestamp())
                ]
            )
            return {"Clusters": [cluster.summary() for cluster in page], "Marker": marker}

    def modify_cluster(self, parameters: Parameters) -> Answer:
        """Change how many steps run at once."""
        with self._scheduler.changing():
            cluster = self._cluster(parameters["ClusterId"])
            if "StepConcurrencyLevel" in parameters:
                limits.check_concurrency(parameters["StepConcurrencyLevel"])
                self._scheduler.set_concurrency(cluster, parameters["StepConcurrencyLevel"])
            return {"StepConcurrencyLevel": cluster.concurrency}

    def terminate_job_flows(self, parameters: Parameters) -> Answer:
        """Shut clusters down; none, when one is protected."""
        limits.check_job_flow_ids(parameters["JobFlowIds"])
        with self._scheduler.changing():
            clusters = [self._job_flow(cluster_id) for cluster_id in parameters["JobFlowIds"]]
            if any(cluster.protected and not cluster.state.is_over for cluster in clusters):
                raise AwsError(
                    "ValidationException",
                    "Could not shut down one or more job flows since they are termination"
                    " protected.",
                )
            for cluster in clusters:
                reason = Reason("USER_REQUEST", "Terminated by user request")
                self._scheduler.terminate(cluster, reason)
        return {}

    def set_termination_protection(self, parameters: Parameters) -> Answer:
        """Protect clusters from termination, or no longer."""
        with self._scheduler.changing():
            for cluster in [self._job_flow(name) for name in parameters["JobFlowIds"]]:
                cluster.protected = parameters["TerminationProtected"]
                self._scheduler.save(cluster)
        return {}

    def add_tags(self, parameters: Parameters) -> Answer:
        """Set tags of a cluster."""
        with self._scheduler.changing():
            cluster = self._taggable(parameters["ResourceId"])
            cluster.tags |= {tag["Key"]: tag.get("Value", "") for tag in parameters["Tags"]}
            self._scheduler.save(cluster)
        return {}

    def remove_tags(self, parameters: Parameters) -> Answer:
        """Remove tags of a cluster; those it has not are passed over."""
        with self._scheduler.changing():
            cluster = self._taggable(parameters["ResourceId"])
            for key in parameters["TagKeys"]:
                cluster.tags.pop(key, None)
            self._scheduler.save(cluster)
        return {}

    def _cluster(self, cluster_id: str) -> Cluster:
        cluster = self._scheduler.clusters.get(cluster_id)
        if cluster is None:
            message = f"Cluster id '{cluster_id}' is not valid."
            raise AwsError("InvalidRequestException", message)
        return cluster

    def _job_flow(self, job_flow_id: str) -> Cluster:
        """The same, for the operations that still speak of job flows: their error differs."""
        cluster = self._scheduler.clusters.get(job_flow_id)
        if cluster is None:
            raise AwsError("ValidationException", "Specified job flow ID not valid")
        return cluster

    def _taggable(self, cluster_id: str) -> Cluster:
        cluster = self._cluster(cluster_id)
        if cluster.state.is_terminated:
            raise AwsError(
                "InvalidRequestException", "Tags cannot be modified on terminated clusters."
            )
        return cluster

    def _cancel(self, cluster: Cluster, step: Step, number: signal.Signals) -> Answer:
        if step.is_over:
            reason = f"Cannot cancel step {step.id} in {step.state} state."
            return {"StepId": step.id, "Status": "FAILED", "Reason": reason}
        self._scheduler.cancel(cluster, step, number)
        return {"StepId": step.id, "Status": "SUBMITTED"}


def _new_id(prefix: str) -> str:
    alphabet = string.ascii_uppercase + string.digits
    return prefix + "".join(secrets.choice(alphabet) for _ in range(13))


def _new_steps(
    cluster: Cluster, configs: Sequence[Mapping[str, Any]], role: str | None
) -> list[Step]:
    return [
        Step(
            id=_new_id("s-"),
            cluster_id=cluster.id,
            number=number,
            config=config,
            role=role,
            created=time.time(),
        )
        for number, config in enumerate(configs, len(cluster.steps))
    ]


def _visible(cluster: Cluster, step_id: str) -> Step:
    step = cluster.steps.get(step_id)
    return _valid(step if step and cluster.shows(step) else None, step_id)


def _valid(step: Step | None, step_id: str) -> Step:
    if step is None:
        raise AwsError("InvalidRequestException", f"Step id '{step_id}' is not valid.")
    return step


def _after_marker(by_id: dict[str, Listed], marker: str | None) -> Iterable[Listed]:
    """Newest first, from behind the one that ended the page before."""
    newest_first = reversed(by_id.values())
    if marker is None:
        return newest_first
    if marker not in by_id:
        raise AwsError("InvalidRequestException", f"Marker '{marker}' is not valid.")
    return itertools.islice(
        itertools.dropwhile(lambda each: each.id != marker, newest_first), 1, None
    )


def _page(listed: Sequence[Listed]) -> tuple[Sequence[Listed], str | None]:
    """The first page, and the marker of the next one when there is one."""
    page = listed[:PAGE]
    return page, page[-1].id if len(listed) > PAGE else None
