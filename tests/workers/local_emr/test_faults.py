"""Faults on request, one by one: what the caller sees, and what was done all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tagfleet.workers.local_emr.quotas import OPERATION_QUOTAS

from ...emr_fixtures import BUCKET, Emr
from .server import client_of, simulated


class Once:
    """A client that never repeats a call, and a cluster."""

    def __init__(self, emr: Emr) -> None:
        self.emr = emr
        self.client = client_of(emr.url, retries={"total_max_attempts": 1})
        self.s3 = client_of(
            emr.url, "s3", retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
        )
        self.cluster = emr.cluster()

    def add(self) -> Any:
        """Add a step."""
        return self.client.add_job_flow_steps(JobFlowId=self.cluster, Steps=[simulated()])

    def number_of_steps(self) -> int:
        """How many steps the cluster has."""
        return len(self.emr.steps(self.cluster))

    def refusal(self, call: Any, **parameters: Any) -> tuple[int, str, str]:
        """The status, the code and the text of an error that the call must end with."""
        with pytest.raises(ClientError) as raised:
            call(**parameters)
        answer = raised.value.response
        error = answer["Error"]
        return answer["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


@pytest.fixture
def once(emr: Emr) -> Iterator[Once]:
    made = Once(emr)
    yield made
    emr.ask("DELETE", "faults")
    emr.ask("POST", "throttle", {"enforced": False})
    made.client.close()
    made.s3.close()


def calls_until_throttled(call: Any, **parameters: Any) -> int:
    """How many calls go well in a row; on a slow machine the quota is refilled meanwhile."""
    for done in range(1000):
        try:
            call(**parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            return done
    raise AssertionError("nothing was refused")


def test_a_throttled_call_is_refused_in_emr_s_words_and_does_nothing(once: Once) -> None:
    once.emr.fault("AddJobFlowSteps", "throttle")
    assert once.refusal(once.add) == (400, "ThrottlingException", "Rate exceeded")
    assert once.number_of_steps() == 0


def test_a_call_that_meets_an_internal_error_does_nothing(once: Once) -> None:
    once.emr.fault("AddJobFlowSteps", "error500")
    status, code, _ = once.refusal(once.add)
    assert (status, code) == (500, "InternalServerError")
    assert once.number_of_steps() == 0


def test_a_lost_answer_leaves_the_step_that_it_was_about(once: Once) -> None:
    once.emr.fault("AddJobFlowSteps", "drop")
    with pytest.raises(ConnectionClosedError):
        once.add()
    assert once.number_of_steps() == 1


def test_a_fault_hits_as_many_calls_as_it_was_told_to(once: Once) -> None:
    once.emr.fault("AddJobFlowSteps", "throttle", count=2)
    for _ in range(2):
        once.refusal(once.add)
    once.add()
    assert once.number_of_steps() == 1


def test_a_fault_hits_no_other_operation(once: Once) -> None:
    once.emr.fault("ListSteps", "throttle", count=100)
    once.add()
    assert once.client.describe_cluster(ClusterId=once.cluster)


def test_a_fault_with_a_probability_hits_the_same_calls_each_time(once: Once) -> None:
    def hit() -> list[bool]:
        fault = {"mode": "throttle", "probability": 0.5, "seed": 7}
        once.emr.ask("POST", "faults", {"DescribeCluster": fault})
        found = []
        for _ in range(20):
            try:
                once.client.describe_cluster(ClusterId=once.cluster)
                found.append(False)
            except ClientError:
                found.append(True)
        return found

    first = hit()
    assert 0 < sum(first) < 20
    assert hit() == first


def test_a_fault_is_shown_with_what_is_left_of_it(once: Once) -> None:
    once.emr.fault("AddJobFlowSteps", "throttle", count=3)
    once.refusal(once.add)
    shown = once.emr.ask("GET", "faults")["AddJobFlowSteps"]
    assert (shown["mode"], shown["count"]) == ("throttle", 2)


@pytest.mark.parametrize(
    "fault",
    [
        {"mode": "no-such-mode"},
        {"count": 1},
        {"mode": "drop", "surprise": 1},
        {"mode": "drop", "count": "many"},
        {"mode": "drop", "probability": "half"},
        {"mode": "delay", "seconds": -1},
        {"mode": "forbidden", "keys": "bucket/key"},
        {"mode": "double"},
        [{"mode": "drop"}, {"mode": "shuffle", "seconds": 1}],
        "drop",
    ],
)
def test_what_is_no_fault_is_refused_and_none_is_in_force(once: Once, fault: Any) -> None:
    with pytest.raises(HTTPError) as raised:
        once.emr.ask("POST", "faults", {"ListClusters": {"mode": "drop"}, "AddTags": fault})
    with raised.value as answer:
        assert (answer.code, b"error" in answer.read()) == (400, True)
    assert once.emr.ask("GET", "faults") == {}


@pytest.mark.parametrize("mode", ["throttle", "delay", "error500", "forbidden"])
def test_what_cannot_happen_to_events_is_refused(once: Once, mode: str) -> None:
    with pytest.raises(HTTPError, match="400") as raised:
        once.emr.ask("POST", "faults", {"events": {"mode": mode}})
    raised.value.close()


def test_of_several_faults_the_first_that_hits_does(once: Once) -> None:
    asked = [{"mode": "throttle", "count": 1}, {"mode": "forbidden", "count": 1}]
    once.emr.ask("POST", "faults", {"AddJobFlowSteps": asked})
    assert once.refusal(once.add)[1] == "ThrottlingException"
    assert once.refusal(once.add)[1] == "AccessDenied"
    once.add()


def test_only_the_keys_that_a_fault_names_are_forbidden(once: Once, tmp_path: Path) -> None:
    secret, public = f"{tmp_path.name}/a secret", f"{tmp_path.name}/public"
    for key in (secret, public):
        once.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    fault = {"mode": "forbidden", "keys": [f"{BUCKET}/{secret}"]}
    once.emr.ask("POST", "faults", {"s3:GetObject": fault, "s3:HeadObject": fault})
    refused = once.refusal(once.s3.get_object, Bucket=BUCKET, Key=secret)
    assert refused == (403, "AccessDenied", "Access Denied")
    assert once.refusal(once.s3.head_object, Bucket=BUCKET, Key=secret)[:2] == (403, "403")
    once.s3.get_object(Bucket=BUCKET, Key=public)["Body"].close()


def test_each_call_is_counted_by_its_operation_refused_ones_too(once: Once) -> None:
    once.emr.calls()
    once.add()
    once.emr.fault("AddJobFlowSteps", "throttle")
    once.refusal(once.add)
    once.client.list_clusters()
    assert once.emr.calls() == {"AddJobFlowSteps": 2, "ListClusters": 1}
    assert once.emr.calls() == {}


def test_calls_of_s3_are_counted_by_their_operation(once: Once) -> None:
    once.emr.calls()
    once.s3.put_object(Bucket=BUCKET, Key="counted", Body=b"")
    once.s3.head_object(Bucket=BUCKET, Key="counted")
    assert once.emr.ask("GET", "calls") == {"s3:PutObject": 1, "s3:HeadObject": 1}


@pytest.mark.parametrize(
    ("operation", "call", "parameters"),
    [
        ("ListSteps", "list_steps", {"ClusterId": "CLUSTER"}),
        ("DescribeCluster", "describe_cluster", {"ClusterId": "CLUSTER"}),
        ("ListClusters", "list_clusters", {}),
        ("AddTags", "add_tags", {"ResourceId": "CLUSTER", "Tags": [{"Key": "a"}]}),
    ],
)
def test_a_burst_is_as_long_as_emr_s_quota(
    once: Once, operation: str, call: str, parameters: dict[str, Any]
) -> None:
    filled = {
        name: once.cluster if value == "CLUSTER" else value for name, value in parameters.items()
    }
    once.emr.ask("POST", "throttle", {"enforced": True})
    burst = OPERATION_QUOTAS[operation].burst
    assert burst <= calls_until_throttled(getattr(once.client, call), **filled) < 25


def test_all_operations_together_have_a_quota_too(once: Once) -> None:
    once.emr.ask("POST", "throttle", {"enforced": True})
    # This one has none of its own.
    asked = {"JobFlowIds": [once.cluster], "TerminationProtected": False}
    assert calls_until_throttled(once.client.set_termination_protection, **asked) >= 25


def test_quotas_that_are_not_asked_for_refuse_nothing(once: Once) -> None:
    assert once.emr.ask("GET", "throttle") == {"enforced": False}
    for _ in range(50):
        once.client.list_clusters()


def test_a_route_that_is_not_there_is_told(once: Once) -> None:
    with pytest.raises(HTTPError) as raised:
        once.emr.ask("GET", "no-such-route")
    with raised.value as answer:
        assert answer.code == 404
