"""The local S3 where it is easily got wrong: conditions, parts, odd keys, and how content travels."""

from __future__ import annotations

import http.client
import io
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from ...emr_fixtures import Emr


class Bucket:
    """A bucket of its own."""

    def __init__(self, emr: Emr) -> None:
        self.url, self.s3, self.name = emr.url, emr.clients.s3(), f"bucket-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.name)

    def put(self, key: str, content: bytes = b"", **parts: Any) -> Any:
        return self.s3.put_object(Bucket=self.name, Key=key, Body=content, **parts)

    def content(self, key: str) -> bytes:
        with self.s3.get_object(Bucket=self.name, Key=key)["Body"] as body:
            return body.read()

    def listed(self, **parts: Any) -> list[str]:
        """The common prefixes and the keys, in the order they are listed."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, **parts)
        found = []
        for page in pages:
            found += [row["Prefix"] for row in page.get("CommonPrefixes", ())]
            found += [row["Key"] for row in page.get("Contents", ())]
        return found

    def refusal(self, operation: str, **parameters: Any) -> tuple[int, str]:
        """The status and the code of an error that the call must end with."""
        with pytest.raises(ClientError) as raised:
            getattr(self.s3, operation)(Bucket=self.name, **parameters)
        answer = raised.value.response
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@pytest.fixture
def bucket(emr: Emr) -> Bucket:
    return Bucket(emr)


@pytest.fixture
def raw(bucket: Bucket) -> Iterator[http.client.HTTPConnection]:
    """A connection without boto3's manners."""
    connection = http.client.HTTPConnection(urlsplit(bucket.url).netloc, timeout=30)
    yield connection
    connection.close()


def test_what_is_there_is_not_put_again_and_keeps_its_content(bucket: Bucket) -> None:
    bucket.put("k", b"first", IfNoneMatch="*")
    refused = bucket.refusal("put_object", Key="k", Body=b"second", IfNoneMatch="*")
    assert refused == (412, "PreconditionFailed")
    assert bucket.content("k") == b"first"


def test_what_has_changed_meanwhile_is_not_put(bucket: Bucket) -> None:
    seen = bucket.put("k", b"1")["ETag"]
    assert bucket.put("k", b"2", IfMatch=seen)["ETag"] != seen
    refused = bucket.refusal("put_object", Key="k", Body=b"3", IfMatch=seen)
    assert refused == (412, "PreconditionFailed")
    assert bucket.content("k") == b"2"


def test_what_is_not_there_is_not_replaced(bucket: Bucket) -> None:
    refused = bucket.refusal("put_object", Key="k", Body=b"", IfMatch='"x"')
    assert refused == (404, "NoSuchKey")


def test_an_object_that_the_caller_has_is_not_sent_again(bucket: Bucket) -> None:
    etag = bucket.put("k", b"1")["ETag"]
    assert bucket.refusal("get_object", Key="k", IfNoneMatch=etag)[0] == 304
    assert bucket.refusal("get_object", Key="k", IfMatch='"x"')[0] == 412


def test_a_range_behind_the_end_is_refused(bucket: Bucket) -> None:
    bucket.put("k", b"abc")
    assert bucket.refusal("get_object", Key="k", Range="bytes=3-") == (416, "InvalidRange")


def test_parts_become_one_object_in_the_order_of_their_numbers(bucket: Bucket) -> None:
    names = {"Bucket": bucket.name, "Key": "a b/whole"}
    names["UploadId"] = bucket.s3.create_multipart_upload(**names)["UploadId"]
    etags = {
        n: bucket.s3.upload_part(**names, PartNumber=n, Body=b"%d" % n)["ETag"] for n in (2, 1)
    }
    assert bucket.listed() == []
    parts = [{"PartNumber": number, "ETag": etags[number]} for number in (1, 2)]
    bucket.s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    assert bucket.content("a b/whole") == b"12"


def test_a_part_is_copied_from_another_object(bucket: Bucket) -> None:
    bucket.put("source ü&", b"abcdefgh")
    names = {"Bucket": bucket.name, "Key": "k"}
    names["UploadId"] = bucket.s3.create_multipart_upload(**names)["UploadId"]
    source = {"Bucket": bucket.name, "Key": "source ü&"}
    copied = bucket.s3.upload_part_copy(
        **names, PartNumber=1, CopySource=source, CopySourceRange="bytes=2-4"
    )
    parts = [{"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]}]
    bucket.s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    assert bucket.content("k") == b"cde"


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([{"PartNumber": 2, "ETag": "ETAG"}, {"PartNumber": 1, "ETag": "ETAG"}], "InvalidPartOrder"),
        ([{"PartNumber": 1, "ETag": "ETAG"}, {"PartNumber": 3, "ETag": "ETAG"}], "InvalidPart"),
        ([{"PartNumber": 1, "ETag": '"other"'}], "InvalidPart"),
    ],
)  # fmt: skip
def test_parts_that_are_not_there_make_no_object(bucket: Bucket, parts: Any, code: str) -> None:
    names = {"Bucket": bucket.name, "Key": "k"}
    names["UploadId"] = bucket.s3.create_multipart_upload(**names)["UploadId"]
    etags = [bucket.s3.upload_part(**names, PartNumber=n, Body=b"x")["ETag"] for n in (1, 2)]
    named = [part | {"ETag": part["ETag"].replace("ETAG", etags[0])} for part in parts]
    parameters = {"Key": "k", "UploadId": names["UploadId"], "MultipartUpload": {"Parts": named}}
    assert bucket.refusal("complete_multipart_upload", **parameters) == (400, code)
    assert bucket.listed() == []


def test_an_upload_that_was_given_up_is_gone(bucket: Bucket) -> None:
    names = {"Bucket": bucket.name, "Key": "k"}
    names["UploadId"] = bucket.s3.create_multipart_upload(**names)["UploadId"]
    bucket.s3.abort_multipart_upload(**names)
    parameters = {"Key": "k", "UploadId": names["UploadId"], "PartNumber": 1, "Body": b""}
    assert bucket.refusal("upload_part", **parameters) == (404, "NoSuchUpload")


@pytest.mark.parametrize(
    "key",
    ["a b", "100%", "%41", "ü/ö", "a&b", "<x>", "a+b", "a?b#c", "日本", "'q' \"q\"", "a:b=c", "~"],
)
def test_an_odd_key_is_put_listed_copied_and_deleted(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"odd")
    assert bucket.listed() == [key]
    source = {"Bucket": bucket.name, "Key": key}
    bucket.s3.copy_object(Bucket=bucket.name, Key=f"copy/{key}", CopySource=source)
    assert bucket.content(f"copy/{key}") == b"odd"
    keys = [{"Key": key}, {"Key": f"copy/{key}"}]
    deleted = bucket.s3.delete_objects(Bucket=bucket.name, Delete={"Objects": keys})["Deleted"]
    assert [row["Key"] for row in deleted] == [key, f"copy/{key}"]
    assert bucket.listed() == []


def test_keys_are_listed_in_the_order_of_their_bytes(bucket: Bucket) -> None:
    keys = ["a!", "a-b", "a.b", "a/b", "a0", "aä", "b"]
    for key in keys:
        bucket.put(key)
    assert bucket.listed() == sorted(keys, key=str.encode)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_any_size_hold_each_common_prefix_and_key_once(bucket: Bucket, size: int) -> None:
    for key in ("p/a/1", "p/a/2", "p/b", "p/c/1", "p/d", "q"):
        bucket.put(key)
    found = bucket.listed(Prefix="p/", Delimiter="/", PaginationConfig={"PageSize": size})
    assert sorted(found) == ["p/a/", "p/b", "p/c/", "p/d"]


@pytest.mark.parametrize("prefix", ["a//", "a/./", "./", "a/../", "/", "../", "b"])
def test_a_prefix_that_no_key_has_finds_nothing(bucket: Bucket, prefix: str) -> None:
    bucket.put("a/k")
    assert bucket.listed(Prefix=prefix) == []


def test_a_key_that_is_longer_than_s3_takes_is_refused(bucket: Bucket) -> None:
    for key in ("a/" * 512 + "k", "a/" * 5000 + "k"):
        assert bucket.refusal("put_object", Key=key, Body=b"") == (400, "KeyTooLongError")


@pytest.mark.parametrize("path", ["..%2Fstate.sqlite", "%2e%2e/state.sqlite", "a/%2e%2e/%2e%2e/%2e%2e/state.sqlite"])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_path_leads_out_of_a_bucket(
    bucket: Bucket, raw: http.client.HTTPConnection, method: str, path: str
) -> None:
    raw.request(method, f"/{bucket.name}/{path}", body=b"x" if method == "PUT" else None)
    answer = raw.getresponse()
    assert (answer.status, b"InvalidArgument" in answer.read()) == (400, True)


@pytest.mark.parametrize(
    "path", ["/../state.sqlite", "/%2e%2e/state.sqlite", "/.uploads/x", "/./x"]
)
def test_what_is_no_bucket_is_refused(raw: http.client.HTTPConnection, path: str) -> None:
    raw.request("GET", path)
    answer = raw.getresponse()
    assert (answer.status, b"InvalidBucketName" in answer.read()) == (400, True)


def test_content_in_aws_chunks_is_stored_without_them(
    bucket: Bucket, raw: http.client.HTTPConnection
) -> None:
    body = b"5;chunk-signature=0\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"
    headers = {"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": "11"}
    raw.request("PUT", f"/{bucket.name}/k", body, headers)
    raw.getresponse().read()
    assert bucket.content("k") == b"hello world"


def test_content_of_unknown_length_is_stored_whole(
    bucket: Bucket, raw: http.client.HTTPConnection
) -> None:
    raw.request("PUT", f"/{bucket.name}/k", iter([b"hello", b" world"]), encode_chunked=True)
    answer = raw.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    raw.request("GET", f"/{bucket.name}/k")
    assert raw.getresponse().read() == b"hello world"


def test_content_that_breaks_off_is_not_stored(
    bucket: Bucket, raw: http.client.HTTPConnection
) -> None:
    raw.putrequest("PUT", f"/{bucket.name}/k")
    raw.putheader("Content-Length", "10")
    raw.endheaders(b"half")
    raw.close()
    assert bucket.refusal("head_object", Key="k")[0] == 404


def test_a_file_object_goes_up_and_a_presigned_address_brings_it_down(bucket: Bucket) -> None:
    bucket.s3.upload_fileobj(io.BytesIO(b"content"), bucket.name, "a b")
    asked = {"Bucket": bucket.name, "Key": "a b"}
    with urllib.request.urlopen(bucket.s3.generate_presigned_url("get_object", asked)) as answer:
        assert answer.read() == b"content"


def test_what_the_local_s3_does_not_do_is_said(bucket: Bucket) -> None:
    bucket.put("k")
    with pytest.raises(ClientError, match="does not do"):
        bucket.s3.get_object_tagging(Bucket=bucket.name, Key="k")
