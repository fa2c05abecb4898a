"""What every kind of storage does alike, and what S3 does by itself."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tagfleet.models.aws import AwsClients
from tagfleet.models.storage import (
    AccessRefused,
    FileMissing,
    Storage,
    StorageError,
    StorageUnavailable,
    StoredFile,
    open_storage,
)
from tagfleet.models.storage.s3 import S3Storage

from .calls import CallLog
from .samples import answering

#: The smallest part that S3 takes.
PART = 5 * 1024 * 1024


def test_what_was_put_is_read_back(storage: Storage) -> None:
    storage.put_bytes("a/b c?#%20é.txt", b"content")
    assert storage.read_bytes("a/b c?#%20é.txt") == b"content"


def test_a_file_is_replaced_as_a_whole(storage: Storage) -> None:
    storage.put_bytes("file", b"long content")
    storage.put_bytes("file", b"short")
    assert storage.read_bytes("file") == b"short"


def test_only_the_first_of_many_makes_a_file_that_must_be_absent(storage: Storage) -> None:
    # Given many who try at the same time
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: storage.put_if_absent("claim", b"%d" % n), range(8)))
    # Then one of them made it, and it holds what that one wrote
    assert made.count(True) == 1
    assert storage.read_bytes("claim") == b"%d" % made.index(True)


def test_a_missing_file_is_told_from_an_empty_one(storage: Storage) -> None:
    storage.put_bytes("empty", b"")
    assert storage.head("missing") is None
    assert not storage.exists("missing")
    empty = storage.head("empty")
    assert empty is not None
    assert empty.size == 0
    assert storage.exists("empty")


def test_reading_a_missing_file_says_so_in_words(storage: Storage) -> None:
    with pytest.raises(FileMissing, match="there is no such file"):
        storage.read_bytes("missing/file")


def test_a_file_larger_than_the_limit_is_not_read(storage: Storage) -> None:
    storage.put_bytes("file", b"12345")
    assert storage.read_bytes("file", limit=5) == b"12345"
    with pytest.raises(StorageError, match="4"):
        storage.read_bytes("file", limit=4)


@pytest.mark.parametrize(
    ("content", "tail"), [(b"123456", b"456"), (b"12", b"12"), (b"", b"")], ids=str
)
def test_the_tail_is_the_end_of_the_file(storage: Storage, content: bytes, tail: bytes) -> None:
    storage.put_bytes("log", content)
    assert storage.read_tail("log", 3) == tail


def test_a_listing_is_sorted_and_begins_with_the_prefix(storage: Storage) -> None:
    for name in ("b/2", "b/1", "b-other", "a", "b/c/3"):
        storage.put_bytes(name, name.encode())
    assert [file.name for file in storage.list("b/")] == ["b/1", "b/2", "b/c/3"]
    assert [file.name for file in storage.list()] == ["a", "b-other", "b/1", "b/2", "b/c/3"]
    assert [file.size for file in storage.list("b/")] == [3, 3, 5]


def test_a_listing_of_nothing_is_empty(storage: Storage) -> None:
    assert list(storage.list("nothing/")) == []


def test_a_stream_is_uploaded_and_downloaded_whole(storage: Storage) -> None:
    # Given more than one part of it
    content = os.urandom(17 * 1024 * 1024)
    storage.upload("big", io.BytesIO(content))
    target = io.BytesIO()
    storage.download("big", target)
    assert target.getvalue() == content


def test_the_checksum_changes_with_the_content(storage: Storage) -> None:
    storage.put_bytes("file", b"one")
    before = storage.head("file")
    storage.put_bytes("file", b"two")
    after = storage.head("file")
    assert before
    assert after
    assert before.checksum != after.checksum


def test_a_copy_is_known_as_one(storage: Storage) -> None:
    storage.put_bytes("source", b"content")
    source = storage.head("source")
    assert source
    assert not storage.is_copy("target", source)
    storage.copy_from(source, "deep/target")
    assert storage.read_bytes("deep/target") == b"content"
    assert storage.is_copy("deep/target", source)
    # When the target has another content of the same size
    storage.put_bytes("deep/target", b"CONTENT")
    assert not storage.is_copy("deep/target", source)


def test_copying_a_file_that_has_gone_says_so(storage: Storage) -> None:
    gone = StoredFile(uri=storage.uri("gone"), name="gone", size=1)
    with pytest.raises(FileMissing, match="no such file"):
        storage.copy_from(gone, "target")


def test_a_name_does_not_leave_its_folder(tmp_path: Path, clients: AwsClients) -> None:
    storage = open_storage(str(tmp_path), clients)
    for name in ("../outside", "a/../../outside", "/etc/passwd", "a\0b"):
        with pytest.raises(StorageError, match="leaves its folder"):
            storage.put_bytes(name, b"")


def test_a_link_out_of_the_folder_is_not_listed(tmp_path: Path, clients: AwsClients) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("file")
    (tmp_path / "folder/inside").symlink_to("file")
    (tmp_path / "folder/outside").symlink_to(tmp_path / "secret")
    found = open_storage(str(tmp_path / "folder"), clients).list()
    assert [file.name for file in found] == ["file", "inside"]


def test_a_folder_is_named_by_path_or_file_address(tmp_path: Path, clients: AwsClients) -> None:
    (tmp_path / "a b").mkdir()
    storage = open_storage(f"file://{tmp_path}/a%20b", clients)
    storage.put_bytes("file", b"content")
    assert (tmp_path / "a b/file").read_bytes() == b"content"
    assert storage.uri("file") == f"{tmp_path}/a b/file"


@pytest.mark.parametrize("address", ["", "relative/path", "ftp://host/x", "s3://", "file://host/x"])
def test_an_address_of_no_store_is_refused(address: str, clients: AwsClients) -> None:
    with pytest.raises(ValueError, match="names|path"):
        open_storage(address, clients)


def test_files_of_a_folder_can_be_read_by_other_users(tmp_path: Path, clients: AwsClients) -> None:
    open_storage(str(tmp_path), clients).put_bytes("file", b"")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_the_checksum_in_a_folder_is_the_sha256(tmp_path: Path, clients: AwsClients) -> None:
    storage = open_storage(str(tmp_path), clients)
    storage.put_bytes("file", b"content")
    found = storage.head("file")
    assert found
    assert found.checksum == "sha256:" + hashlib.sha256(b"content").hexdigest()


def test_a_bucket_that_does_not_exist_is_named_as_the_reason(clients: AwsClients) -> None:
    with pytest.raises(FileMissing, match="there is no such bucket"):
        open_storage("s3://no-such-bucket-anywhere/x", clients).put_bytes("file", b"")


def test_more_than_a_page_of_files_is_listed(
    bucket: str, clients: AwsClients, calls: CallLog
) -> None:
    # Given pages of two files, not of S3's thousand
    def small_pages(params: dict[str, object], **_: object) -> None:
        params["MaxKeys"] = 2

    clients.s3().meta.events.register("before-parameter-build.s3.ListObjectsV2", small_pages)
    storage = open_storage(f"s3://{bucket}", clients)
    for number in range(5):
        storage.put_bytes(f"{number}", b"")
    assert [file.name for file in storage.list()] == ["0", "1", "2", "3", "4"]
    assert calls.count("ListObjectsV2") == 3


def test_the_markers_of_folders_are_not_files(bucket: str, clients: AwsClients) -> None:
    clients.s3().put_object(Bucket=bucket, Key="folder/")
    clients.s3().put_object(Bucket=bucket, Key="folder/file")
    found = open_storage(f"s3://{bucket}/folder", clients).list()
    assert [file.name for file in found] == ["file"]


def test_a_copy_within_s3_brings_no_byte_here(
    bucket: str, clients: AwsClients, calls: CallLog
) -> None:
    storage = open_storage(f"s3://{bucket}/target", clients)
    clients.s3().put_object(Bucket=bucket, Key="source", Body=b"x" * 100_000)
    source = open_storage(f"s3://{bucket}", clients).head("source")
    assert source
    calls.operations.clear()
    storage.copy_from(source, "file")
    assert calls.operations == ["CopyObject"]
    assert calls.bytes_read == 0


def test_an_object_too_large_for_one_copy_is_copied_in_parts(
    bucket: str, clients: AwsClients, calls: CallLog
) -> None:
    # Given an object larger than what goes in one copy
    storage = S3Storage(f"s3://{bucket}", clients, single_copy_bytes=PART)
    content = os.urandom(2 * PART + 1)
    storage.put_bytes("source", content)
    source = storage.head("source")
    assert source
    # When it is copied
    storage.copy_from(source, "target")
    # Then S3 did it part by part, and knows it as a copy in spite of its other ETag
    assert calls.count("UploadPartCopy") == 3
    assert calls.bytes_read == 0
    assert storage.is_copy("target", source)
    copied = storage.head("target")
    assert copied
    assert copied.checksum != source.checksum
    assert storage.read_bytes("target") == content


def test_a_source_that_changed_meanwhile_is_copied_later(bucket: str, clients: AwsClients) -> None:
    # Given an S3 that checks the condition of a copy, as AWS's does
    def check(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        wanted = request.headers.get("x-amz-copy-source-if-match")
        seen.append(wanted.decode() if isinstance(wanted, bytes) else str(wanted))
        return answering(412)(request)

    storage = open_storage(f"s3://{bucket}", clients)
    storage.put_bytes("source", b"content")
    source, seen = storage.head("source"), list[str]()
    assert source
    clients.s3().meta.events.register("before-send.s3.CopyObject", check)
    # When the object is copied, and is not the one any more that was looked at
    with pytest.raises(StorageUnavailable, match="changed"):
        storage.copy_from(source, "target")
    # Then it was that very content that was asked for
    assert seen == [f'"{str(source.checksum).removeprefix("etag:")}"']


def test_an_s3_that_does_not_answer_may_answer_later(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an address where nothing listens
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    nowhere = AwsClients()
    with pytest.raises(StorageUnavailable, match="Could not connect"):
        open_storage("s3://bucket", nowhere).head("file")
    nowhere.close()


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file that this process may not read; not even as root, which it is no longer."""
    (tmp_path / "file").touch(mode=0)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield tmp_path
    os.seteuid(before)


def test_a_forbidden_file_says_so(forbidden: Path, clients: AwsClients) -> None:
    with pytest.raises(AccessRefused, match="permission denied"):
        open_storage(str(forbidden), clients).read_bytes("file")
