"""What is moved when a job is staged, what is not, and how it fails."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tagfleet.models.aws import AwsClients
from tagfleet.models.errors import StagingFailed
from tagfleet.models.storage import Storage, open_storage
from tagfleet.workers.staging import Staging, StagingDelayed

from . import samples
from .calls import CallLog
from .web import WebServer

CONTENT = b"some content\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["s3", "folder", "file", "http"])
def source(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    bucket: str,
    clients: AwsClients,
    web: WebServer,
) -> str:
    """The address of a file, of each kind."""
    web.files["/a%20file.jar"] = CONTENT
    clients.s3().put_object(Bucket=bucket, Key="sources/a file.jar", Body=CONTENT)
    path = tmp_path / "sources/a file.jar"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return {
        "s3": f"s3://{bucket}/sources/a file.jar",
        "folder": str(path),
        "file": path.as_uri(),
        "http": web.url("/a%20file.jar"),
    }[str(request.param)]


def test_a_file_of_any_kind_is_staged(staging: Staging, storage: Storage, source: str) -> None:
    [staged] = staging.stage("j1", samples.plan(attachments=(source,)))
    assert storage.read_bytes("jobs/j1/a file.jar") == CONTENT
    assert staged.source == source
    assert (
        staged.target == storage.uri("jobs/j1/a file.jar") == f"{staging.job_uri('j1')}/a file.jar"
    )
    assert staged.size == len(CONTENT)
    assert staged.moved


def test_the_checksum_is_that_of_the_source(
    staging: Staging, source: str, clients: AwsClients, bucket: str
) -> None:
    [staged] = staging.stage("j1", samples.plan(attachments=(source,)))
    etag = hashlib.md5(CONTENT).hexdigest()
    assert staged.checksum == (f"etag:{etag}" if source.startswith("s3") else f"sha256:{SHA256}")


def test_what_is_there_is_not_moved_again(staging: Staging, source: str) -> None:
    plan = samples.plan(attachments=(source,))
    [first] = staging.stage("j1", plan)
    [second] = staging.stage("j1", plan)
    assert (first.moved, second.moved) == (True, False)
    assert first.checksum == second.checksum


def test_what_is_there_with_other_content_is_replaced(
    staging: Staging, storage: Storage, source: str
) -> None:
    storage.put_bytes("jobs/j1/a file.jar", CONTENT.upper())
    [staged] = staging.stage("j1", samples.plan(attachments=(source,)))
    assert staged.moved
    assert storage.read_bytes("jobs/j1/a file.jar") == CONTENT


def test_a_job_without_files_needs_nothing(staging: Staging) -> None:
    assert staging.stage("j1", samples.plan()) == []


def test_another_job_whose_id_begins_alike_is_not_mistaken(
    staging: Staging, storage: Storage, source: str
) -> None:
    staging.stage("j10", samples.plan(attachments=(source,)))
    [staged] = staging.stage("j1", samples.plan(attachments=(source,)))
    assert staged.moved
    assert [file.name for file in storage.list("jobs/j1/")] == ["jobs/j1/a file.jar"]


def test_from_s3_to_s3_no_byte_comes_here(
    s3_staging: Staging, bucket: str, clients: AwsClients, calls: CallLog
) -> None:
    # Given many files in S3
    sources = [f"s3://{bucket}/sources/{n}" for n in range(20)]
    for n in range(20):
        clients.s3().put_object(Bucket=bucket, Key=f"sources/{n}", Body=CONTENT)
    calls.operations.clear()
    # When they are staged
    staged = s3_staging.stage("j1", samples.plan(attachments=tuple(sources)))
    # Then S3 copied them by itself, and they are told in the plan's order
    assert (calls.count("CopyObject"), calls.count("GetObject"), calls.count("PutObject")) == (
        20,
        0,
        0,
    )
    assert [file.source for file in staged] == sources
    # And a second time, nothing is copied
    calls.operations.clear()
    s3_staging.stage("j1", samples.plan(attachments=tuple(sources)))
    assert calls.count("CopyObject") == 0


def test_what_comes_from_elsewhere_enters_s3_once(
    s3_staging: Staging, web: WebServer, calls: CallLog, bucket: str
) -> None:
    # Given a file in the web that many jobs want
    web.files["/spark.tgz"] = CONTENT
    plan = samples.plan(attachments=(web.url("/spark.tgz"),))
    for job in range(5):
        s3_staging.stage(f"j{job}", plan)
    # Then it was downloaded once, uploaded once (the index is the other PUT), and copied by S3
    assert web.bytes_sent == len(CONTENT)
    assert calls.count("PutObject") == 2
    assert calls.count("CopyObject") == 5
    # And the server was asked each time whether it is still the same
    assert len(web.requests) == 5
    assert all("if-none-match" in headers for _, headers in web.requests[1:])


def test_a_local_file_enters_s3_once_whatever_its_path(
    s3_staging: Staging, tmp_path: Path, calls: CallLog
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.jar").write_bytes(CONTENT)
        s3_staging.stage(folder, samples.plan(attachments=(f"{tmp_path}/{folder}/same.jar",)))
    uploads = calls.count("PutObject") - 1  # The other one is the index.
    assert uploads == 1
    assert calls.count("CopyObject") == 2


def test_an_object_enters_a_folder_once(
    tmp_path: Path, bucket: str, clients: AwsClients, calls: CallLog
) -> None:
    clients.s3().put_object(Bucket=bucket, Key="x.jar", Body=CONTENT)
    staging = Staging(open_storage(str(tmp_path / "staging"), clients), clients)
    for job in ("j1", "j2"):
        staging.stage(job, samples.plan(attachments=(f"s3://{bucket}/x.jar",)))
    assert calls.count("GetObject") == 1
    assert (tmp_path / "staging/jobs/j2/x.jar").read_bytes() == CONTENT


def test_changed_content_is_fetched_again(
    staging: Staging, storage: Storage, web: WebServer
) -> None:
    web.files["/x"] = b"before"
    plan = samples.plan(attachments=(web.url("/x"),))
    staging.stage("j1", plan)
    web.files["/x"] = b"after"
    [staged] = staging.stage("j1", plan)
    assert staged.moved
    assert storage.read_bytes("jobs/j1/x") == b"after"


def test_what_vanished_from_the_cache_is_fetched_again(
    s3_staging: Staging, web: WebServer, bucket: str, clients: AwsClients
) -> None:
    # Given a lifecycle rule that has emptied the cache, but for its index
    web.files["/x"] = CONTENT
    plan = samples.plan(attachments=(web.url("/x"),))
    s3_staging.stage("j1", plan)
    clients.s3().delete_object(Bucket=bucket, Key=f"staging/cache/sha256/{SHA256}/x")
    # When another job wants the file
    [staged] = s3_staging.stage("j2", plan)
    # Then it is downloaded, unconditionally
    assert staged.moved
    assert web.bytes_sent == 2 * len(CONTENT)


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff", b"[]", b'{"sha256": "x"}', b'{"sha256": "x", "validators": {"y": 1}}']
)
def test_a_broken_index_is_as_good_as_none(
    staging: Staging, storage: Storage, web: WebServer, garbage: bytes
) -> None:
    web.files["/x"] = CONTENT
    uri = web.url("/x")
    storage.put_bytes(f"cache/index/{hashlib.sha256(uri.encode()).hexdigest()}.json", garbage)
    staging.stage("j1", samples.plan(attachments=(uri,)))
    assert storage.read_bytes("jobs/j1/x") == CONTENT


def test_one_source_for_many_names_is_downloaded_once(
    staging: Staging, storage: Storage, web: WebServer
) -> None:
    web.files["/x"] = CONTENT
    plan = samples.plan_of(*[(web.url("/x"), f"copy{n}") for n in range(10)])
    staging.stage("j1", plan)
    assert web.bytes_sent == len(CONTENT)
    assert storage.read_bytes("jobs/j1/copy9") == CONTENT


@pytest.mark.parametrize("ending", ["", "/"])
@pytest.mark.parametrize("kind", ["s3", "folder"])
def test_a_folder_keeps_its_structure(
    staging: Staging,
    storage: Storage,
    tmp_path: Path,
    bucket: str,
    clients: AwsClients,
    kind: str,
    ending: str,
) -> None:
    source = open_storage(
        f"s3://{bucket}/sources" if kind == "s3" else f"{tmp_path}/sources", clients
    )
    for name in ("libs/a", "libs/deep/er/b", "libs-other/c"):
        source.put_bytes(name, name.encode())
    staged = staging.stage("j1", samples.plan(dependencies=(source.uri("libs") + ending,)))
    assert [file.source for file in staged] == [source.uri("libs/a"), source.uri("libs/deep/er/b")]
    assert storage.read_bytes("jobs/j1/libs/deep/er/b") == b"libs/deep/er/b"
    assert [file.name for file in storage.list("jobs/")] == [
        "jobs/j1/libs/a",
        "jobs/j1/libs/deep/er/b",
    ]


def test_a_folder_that_holds_an_impossible_name_is_refused(
    s3_staging: Staging, bucket: str, clients: AwsClients
) -> None:
    clients.s3().put_object(Bucket=bucket, Key="libs/%2e%2e/x")
    with pytest.raises(StagingFailed, match="cannot be the name of a file"):
        s3_staging.stage("j1", samples.plan(dependencies=(f"s3://{bucket}/libs/",)))


def test_a_setup_file_that_turns_out_to_be_a_folder_is_refused(
    s3_staging: Staging, bucket: str, clients: AwsClients
) -> None:
    clients.s3().put_object(Bucket=bucket, Key="setup/file")
    with pytest.raises(StagingFailed, match="folder"):
        s3_staging.stage("j1", samples.plan(setup_file=f"s3://{bucket}/setup"))


@pytest.mark.parametrize("name", ["missing.jar", "missing/"])
def test_a_missing_file_is_named_with_its_reason(
    staging: Staging, tmp_path: Path, bucket: str, web: WebServer, name: str
) -> None:
    for uri in (f"s3://{bucket}/{name}", f"{tmp_path}/{name}", f"s3://no-such-bucket-here/{name}"):
        with pytest.raises(StagingFailed, match="no such") as failed:
            staging.stage("j1", samples.plan(attachments=(uri,)))
        assert failed.value.uri == uri


def test_of_several_errors_that_of_the_first_file_is_told(
    staging: Staging, tmp_path: Path, bucket: str
) -> None:
    sources = tuple(f"s3://{bucket}/missing-{n}" for n in range(30))
    with pytest.raises(StagingFailed, match="missing-0"):
        staging.stage("j1", samples.plan(attachments=sources))


def test_a_bucket_that_may_not_be_read_is_a_failure(
    s3_staging: Staging, bucket: str, clients: AwsClients
) -> None:
    clients.s3().meta.events.register("before-send.s3.HeadObject", samples.answering(403))
    with pytest.raises(StagingFailed, match="access is denied"):
        s3_staging.stage("j1", samples.plan(attachments=(f"s3://{bucket}/x",)))


@pytest.mark.parametrize("status", [500, 503])
def test_an_s3_that_is_overloaded_is_asked_again_later(
    s3_staging: Staging, bucket: str, clients: AwsClients, status: int
) -> None:
    clients.s3().put_object(Bucket=bucket, Key="x", Body=b"")
    clients.s3().meta.events.register("before-send.s3.CopyObject", samples.answering(status))
    with pytest.raises(StagingDelayed):
        s3_staging.stage("j1", samples.plan(attachments=(f"s3://{bucket}/x",)))


def test_a_files_record_does_not_hold_its_secrets(
    staging: Staging, storage: Storage, web: WebServer
) -> None:
    web.files["/x"] = CONTENT
    uri = web.url("/x?signature=secret").replace("//", "//user:secret@")
    [staged] = staging.stage("j1", samples.plan(attachments=(uri,)))
    assert "secret" not in staged.source
    assert not any(b"secret" in storage.read_bytes(file.name) for file in storage.list("cache/"))


def test_a_long_id_has_a_folder_all_the_same(
    staging: Staging, storage: Storage, source: str
) -> None:
    job_id = "é" * 255
    [staged] = staging.stage(job_id, samples.plan(attachments=(source,)))
    assert staged.target.startswith(staging.job_uri(job_id))
