"""The local S3, as boto3 uses it."""

from __future__ import annotations

import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from ...emr_fixtures import Emr


@pytest.fixture
def s3(emr: Emr) -> Any:
    return emr.clients.s3()


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def content(s3: Any, bucket: str, key: str, **parts: Any) -> bytes:
    found: bytes = s3.get_object(Bucket=bucket, Key=key, **parts)["Body"].read()
    return found


def refusal(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


@pytest.mark.parametrize("key", ["a", "a b/ü%20&<>'\"+.txt", "x" * 250, "deep/er/and/deep/er"])
def test_what_was_put_is_read_back_whatever_its_key(s3: Any, bucket: str, key: str) -> None:
    put = s3.put_object(Bucket=bucket, Key=key, Body=b"content")
    assert content(s3, bucket, key) == b"content"
    head = s3.head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ETag"]) == (7, put["ETag"])
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("bytes=2-4", b"cde"), ("bytes=5-", b"fgh"), ("bytes=-2", b"gh"), ("bytes=0-99", b"abcdefgh")],
)
def test_a_range_is_a_part(s3: Any, bucket: str, wanted: str, found: bytes) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"abcdefgh")
    assert content(s3, bucket, "k", Range=wanted) == found


def test_of_any_number_who_put_what_must_not_exist_one_succeeds(s3: Any, bucket: str) -> None:
    def put(number: int) -> bool:
        try:
            s3.put_object(Bucket=bucket, Key="claim", Body=str(number).encode(), IfNoneMatch="*")
        except s3.exceptions.ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"] != 412
        return True

    with ThreadPoolExecutor(8) as pool:
        succeeded = [number for number, won in enumerate(pool.map(put, range(8))) if won]
    assert len(succeeded) == 1
    assert content(s3, bucket, "claim") == str(succeeded[0]).encode()


def test_keys_are_listed_in_order_by_page_prefix_and_delimiter(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "a/b/3", "c", "d/4"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    assert [row["Key"] for page in pages for row in page["Contents"]] == [
        "a/1",
        "a/2",
        "a/b/3",
        "c",
        "d/4",
    ]
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [row["Prefix"] for row in top["CommonPrefixes"]] == ["a/", "d/"]
    assert [row["Key"] for row in top["Contents"]] == ["c"]
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=bucket, Prefix="a/b")["Contents"]] == [
        "a/b/3"
    ]


def test_a_large_file_goes_up_in_parts_is_copied_by_the_server_and_comes_down(
    s3: Any, bucket: str
) -> None:
    body = bytes(range(256)) * 70_000
    parts = TransferConfig(multipart_threshold=5 * 2**20, multipart_chunksize=5 * 2**20)
    s3.upload_fileobj(io.BytesIO(body), bucket, "big", Config=parts)
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy", Config=parts)
    down = io.BytesIO()
    s3.download_fileobj(bucket, "copy", down)
    assert down.getvalue() == body


def test_a_copy_of_what_has_changed_meanwhile_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    source = {"Bucket": bucket, "Key": "k"}
    assert (
        refusal(s3.copy_object, Bucket=bucket, Key="c", CopySource=source, CopySourceIfMatch='"x"')
        == "PreconditionFailed"
    )


def test_objects_are_deleted_one_by_one_and_together(s3: Any, bucket: str) -> None:
    for key in "abc":
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}, {"Key": "none"}]})
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]
    assert refusal(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"


@pytest.mark.parametrize("key", ["../x", "a/../../x", "a//b", "./x"])
def test_a_key_never_leaves_its_bucket(s3: Any, bucket: str, key: str) -> None:
    assert refusal(s3.put_object, Bucket=bucket, Key=key, Body=b"") == "InvalidArgument"


def test_what_is_not_there_is_told_apart(s3: Any, bucket: str) -> None:
    assert refusal(s3.get_object, Bucket=bucket, Key="none") == "NoSuchKey"
    assert refusal(s3.get_object, Bucket="no-such-bucket", Key="none") == "NoSuchBucket"
    assert refusal(s3.head_object, Bucket=bucket, Key="none") == "404"


def test_a_key_that_a_fault_names_is_forbidden(emr: Emr, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    emr.ask("POST", "faults", {"s3:GetObject": {"mode": "forbidden", "keys": [f"{bucket}/k"]}})
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    emr.ask("DELETE", "faults")
    assert content(s3, bucket, "k") == b""
