"""Where each file lands, and which ones are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfleet.models.errors import StagingFailed
from tagfleet.models.staging_names import folder_name
from tagfleet.workers.staging import plan_staging
from tagfleet.workers.staging.layout import file_name
from tagfleet.workers.staging.sources import shown

from . import samples


def test_every_part_has_its_place() -> None:
    # Given files of every part of a job
    cluster = samples.cluster(
        configs=("s3://b/core-site.xml",), dependencies=("s3://b/c.jar",), setup_file="s3://b/c.sh"
    )
    applications = [
        samples.application(id="a2", dependencies=("https://host/spark.tgz?sig=1",)),
        samples.application(id="a1", setup_file="/folder/a1.sh"),
    ]
    command = samples.command(configs=("file:///folder/k%20conf",), setup_file="s3://b/k.sh")
    request = samples.request(
        configs=("s3://b/j.conf",),
        dependencies=("s3://b/libs/",),
        attachments=("s3://b/query.sql",),
        setup_file="s3://b/j.sh",
    )
    # When they are planned
    plan = plan_staging(cluster, applications, command, request)
    # Then each is where the contract says
    assert {file.target: file.source for file in plan.files} == {
        "genie/cluster/c1/config/core-site.xml": "s3://b/core-site.xml",
        "genie/cluster/c1/dependencies/c.jar": "s3://b/c.jar",
        "genie/cluster/c1/genie_setup.sh": "s3://b/c.sh",
        "genie/applications/a2/dependencies/spark.tgz": "https://host/spark.tgz?sig=1",
        "genie/applications/a1/genie_setup.sh": "/folder/a1.sh",
        "genie/command/k1/config/k conf": "file:///folder/k%20conf",
        "genie/command/k1/genie_setup.sh": "s3://b/k.sh",
        "j.conf": "s3://b/j.conf",
        "libs": "s3://b/libs/",
        "query.sql": "s3://b/query.sql",
        "genie_setup.sh": "s3://b/j.sh",
    }
    # And the set-up goes from the cluster to the job
    assert plan.setup_files == (
        "genie/cluster/c1/genie_setup.sh",
        "genie/applications/a1/genie_setup.sh",
        "genie/command/k1/genie_setup.sh",
        "genie_setup.sh",
    )


def test_two_files_on_one_name_are_refused_and_both_named() -> None:
    with pytest.raises(StagingFailed) as refused:
        samples.plan(configs=("s3://b/one/x.conf",), attachments=("s3://b/two/x.conf",))
    assert "s3://b/one/x.conf" in str(refused.value)
    assert "s3://b/two/x.conf" in str(refused.value)


def test_one_file_that_is_named_twice_is_staged_once() -> None:
    plan = samples.plan(configs=("s3://b/x",), dependencies=("s3://b/x",))
    assert len(plan.files) == 1


def test_the_same_name_in_two_applications_is_no_clash() -> None:
    applications = [samples.application(id=id, configs=("s3://b/x",)) for id in ("a1", "a2")]
    plan = plan_staging(samples.cluster(), applications, samples.command(), samples.request())
    assert len(plan.files) == 2


@pytest.mark.parametrize("name", ["run", "stdout", "stderr", "genie", "genie_setup.sh"])
def test_a_jobs_own_file_cannot_have_a_name_of_tagfleets(name: str) -> None:
    with pytest.raises(StagingFailed, match=name):
        samples.plan(attachments=(f"s3://b/{name}",))
    with pytest.raises(StagingFailed, match=name):
        samples.plan(dependencies=(f"s3://b/{name}/",))


def test_such_a_name_is_free_elsewhere() -> None:
    command = samples.command(configs=("s3://b/run",))
    plan = plan_staging(samples.cluster(), [], command, samples.request())
    assert plan.files[0].target == "genie/command/k1/config/run"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/a/..",
        "s3://bucket/.",
        "s3://bucket/",
        "s3://bucket",
        "s3://bucket/%2e%2e",
        "s3://bucket/a%2fb",
        "s3://bucket/a%252fb",
        "s3://bucket/a\\b",
        "s3://bucket/a\nb",
        "https://host",
        "https://host/",
        "https://host/folder/",
        "https://host/..%2f..%2fetc",
        "https://host/a/%2E%2E",
        "https://host/a%00b",
        "https://host/%252e%252e",
        "file:///a/%2e%2e",
        "/folder/..",
        "/",
        f"s3://bucket/{'x' * 256}",
    ],
)
def test_a_name_that_is_no_plain_file_name_is_refused(uri: str) -> None:
    with pytest.raises(StagingFailed):
        samples.plan(attachments=(uri,))


@pytest.mark.parametrize(
    "uri",
    [
        "relative/path",
        "ftp://host/file",
        "http://host.example/file",
        "s3:///key",
        "https:///file",
        "https://[broken/file",
        "https://host:port/file",
        "file://host/file",
        "gopher://x",
    ],
)
def test_a_source_that_is_not_read_is_refused(uri: str) -> None:
    with pytest.raises(StagingFailed):
        samples.plan(attachments=(uri,))


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "[::1]:80"])
def test_http_is_for_loopback(host: str) -> None:
    assert samples.plan(attachments=(f"http://{host}/file",)).files[0].target == "file"


def test_a_setup_file_cannot_be_a_folder() -> None:
    with pytest.raises(StagingFailed, match="folder"):
        samples.plan(setup_file="s3://b/folder/")


def test_special_characters_of_a_key_mean_themselves() -> None:
    assert file_name("s3://bucket/a/b?c#d%41") == "b?c#d%41"


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("https://user:secret@host/x", "https://***@host/x"),
        ("https://secret@host/x", "https://***@host/x"),
        ("https://host/x?X-Amz-Signature=secret#secret", "https://host/x?***"),
        ("https://[secret", "https://***"),
        ("s3://bucket/a?b", "s3://bucket/a?b"),
    ],
)
def test_secrets_of_an_address_are_not_told(uri: str, told: str) -> None:
    assert shown(uri) == told


def test_a_refusal_does_not_tell_a_secret() -> None:
    with pytest.raises(StagingFailed) as refused:
        samples.plan(attachments=("https://user:secret@host/?token=secret",))
    assert "secret" not in str(refused.value)


@given(st.text(min_size=1, max_size=400), st.sampled_from(["s3://b/", "https://h/", "/f/"]))
def test_no_source_lands_outside(text: str, beginning: str) -> None:
    try:
        plan = samples.plan(attachments=(beginning + text,))
    except StagingFailed:
        return
    target = plan.files[0].target
    assert "/" not in target
    assert target not in ("", ".", "..")


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=255))
def test_an_id_makes_a_folder_name_that_fits(identifier: str) -> None:
    name = folder_name(identifier)
    assert len(f"{name}.1000".encode()) <= 255
    assert name == identifier or len(identifier.encode()) > 220


def test_long_ids_have_different_folders() -> None:
    assert folder_name("é" * 254 + "1") != folder_name("é" * 254 + "2")
