"""Where moto implements an operation too, both answers have the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ...emr_fixtures import Emr

#: What only one of the two tells, and why that is right.
ALLOWED = {
    # The local EMR has no machines, network or security to speak of.
    "Cluster.Applications", "Cluster.AutoTerminate", "Cluster.Configurations", "Cluster.CustomAmiId",
    "Cluster.Ec2InstanceAttributes", "Cluster.InstanceCollectionType", "Cluster.MasterPublicDnsName",
    "Cluster.NormalizedInstanceHours", "Cluster.OSReleaseLabel", "Cluster.RunningAmiVersion",
    "Cluster.RequestedAmiVersion", "Cluster.ServiceRole", "Cluster.AutoScalingRole", "Cluster.EbsRootVolumeSize",
    "Cluster.KerberosAttributes", "Cluster.LogEncryptionKmsKeyId", "Cluster.RepoUpgradeOnBoot",
    "Cluster.ScaleDownBehavior", "Cluster.SecurityConfiguration", "Cluster.VisibleToAllUsers",
    "Cluster.UnhealthyNodeReplacement", "Cluster.ReleaseLabel", "Cluster.LogUri", "Cluster.OutpostArn",
    # Steps of moto do not run: they have no times, no ends, and a reason even so.
    "Timeline.EndDateTime", "Timeline.StartDateTime", "Timeline.ReadyDateTime",
    "Status.FailureDetails", "StateChangeReason.Code", "StateChangeReason.Message",
    # Other tests' clusters may fill more than one page.
    "ListClusters.Marker",
    "Step.ExecutionRoleArn", "Step.LogUri", "Config.MainClass", "Config.Properties",
    # Of S3: what nobody asked for.
    "Head.ServerSideEncryption", "Head.Metadata", "Head.ChecksumCRC32", "Head.ChecksumType", "Head.ContentType",
    "Get.ServerSideEncryption", "Get.ChecksumCRC32", "Get.ChecksumType", "Get.Metadata",
    "Put.ChecksumCRC32", "Put.ChecksumType", "Put.ServerSideEncryption", "Copy.ServerSideEncryption",
    "CopyObjectResult.ChecksumCRC32", "CopyObjectResult.ChecksumType",
    "Contents.ChecksumAlgorithm", "Contents.ChecksumType", "Contents.Owner", "List.EncodingType",
}  # fmt: skip


def shape(answer: Any, name: str) -> set[str]:
    """The paths of an answer, each with the type at its end: `Step.Status.State: str`."""
    if isinstance(answer, dict):
        found = set()
        for key, value in answer.items():
            if key == "ResponseMetadata" or f"{name.rpartition('.')[2]}.{key}" in ALLOWED:
                continue
            found |= shape(value, f"{name}.{key}")
        return found or {f"{name}: object"}
    if isinstance(answer, list):
        return {path for value in answer for path in shape(value, name)} or {f"{name}: list"}
    kind = type(answer).__name__
    return {f"{name}: {kind}"}


STEP = {
    "Name": "s",
    "ActionOnFailure": "CONTINUE",
    "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["true"]},
}


def emr_answers(client: Any) -> Iterator[tuple[str, Any]]:
    """What EMR says to one cluster's life."""
    run = client.run_job_flow(
        Name="c",
        Instances={
            "KeepJobFlowAliveWhenNoSteps": True,
            "MasterInstanceType": "m5.xlarge",
            "InstanceCount": 1,
        },
        StepConcurrencyLevel=2,
        Tags=[{"Key": "team", "Value": "x"}],
    )
    cluster = run["JobFlowId"]
    yield "RunJobFlow", run
    added = client.add_job_flow_steps(JobFlowId=cluster, Steps=[STEP])
    yield "AddJobFlowSteps", added
    yield "Describe", client.describe_step(ClusterId=cluster, StepId=added["StepIds"][0])
    yield "List", client.list_steps(ClusterId=cluster)
    yield "DescribeCluster", client.describe_cluster(ClusterId=cluster)
    yield "ListClusters", client.list_clusters()
    yield "Modify", client.modify_cluster(ClusterId=cluster, StepConcurrencyLevel=3)
    yield "AddTags", client.add_tags(ResourceId=cluster, Tags=[{"Key": "a", "Value": "b"}])
    yield "RemoveTags", client.remove_tags(ResourceId=cluster, TagKeys=["a"])
    yield "Terminate", client.terminate_job_flows(JobFlowIds=[cluster])


def s3_answers(client: Any) -> Iterator[tuple[str, Any]]:
    """What S3 says to one object's life."""
    client.create_bucket(Bucket="shapes")
    yield "Put", client.put_object(Bucket="shapes", Key="k", Body=b"x")
    yield "Head", client.head_object(Bucket="shapes", Key="k")
    answer = client.get_object(Bucket="shapes", Key="k")
    answer.pop("Body").close()
    yield "Get", answer
    yield "Copy", client.copy_object(Bucket="shapes", Key="c", CopySource="shapes/k")
    yield "List", client.list_objects_v2(Bucket="shapes")
    yield (
        "Delete",
        client.delete_objects(Bucket="shapes", Delete={"Objects": [{"Key": "k"}, {"Key": "c"}]}),
    )


@pytest.mark.parametrize(("service", "answers"), [("emr", emr_answers), ("s3", s3_answers)])
def test_both_answer_in_the_same_shape(
    emr: Emr,
    service: str,
    answers: Callable[[Any], Iterator[tuple[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = emr.clients.s3() if service == "s3" else emr.clients.emr()
    found = {name: shape(answer, name) for name, answer in answers(ours)}
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with mock_aws():
        theirs = boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]
        expected = {name: shape(answer, name) for name, answer in answers(theirs)}
        theirs.close()
    assert {
        name: sorted(found[name] ^ expected[name])
        for name in expected
        if found[name] != expected[name]
    } == {}
