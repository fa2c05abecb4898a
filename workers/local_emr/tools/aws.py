"""`aws`, as far as a job's script on a cluster needs it: `s3 cp | sync | ls` and `s3api put-object`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

#: What the AWS CLI ends with when the service says no (AWS CLI user guide, "Return codes").
REFUSED = 254
FAILED = 1
UNUSABLE = 252


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
    try:
        return int(options.run(client, options))
    except ClientError as error:
        print(
            f"\nAn error occurred {error}".replace("occurred An error occurred", "occurred"),
            file=sys.stderr,
        )
        return REFUSED if options.command == "s3api" else FAILED
    except (Boto3Error, BotoCoreError, OSError) as error:
        print(f"fatal error: {error}", file=sys.stderr)
        return FAILED
    finally:
        client.close()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        """End as the AWS CLI does; say that this is not the whole of it."""
        print(
            f"aws: error: {message} (the local EMR's aws knows only: {self.prog})", file=sys.stderr
        )
        sys.exit(UNUSABLE)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="aws s3 cp|sync|ls, aws s3api put-object", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    verbs = commands.add_parser("s3").add_subparsers(dest="verb", required=True)
    for verb, run in (("cp", _copy), ("sync", _sync)):
        command = verbs.add_parser(verb)
        command.add_argument("source")
        command.add_argument("target")
        command.add_argument("--recursive", action="store_true")
        command.add_argument("--only-show-errors", "--quiet", "--no-progress", action="store_true")
        command.set_defaults(run=run)
    command = verbs.add_parser("ls")
    command.add_argument("source")
    command.add_argument("--recursive", action="store_true")
    command.set_defaults(run=_list)
    api = commands.add_parser("s3api").add_subparsers(dest="verb", required=True)
    command = api.add_parser("put-object")
    command.add_argument("--bucket", required=True)
    command.add_argument("--key", required=True)
    command.add_argument("--body", type=Path)
    command.add_argument("--if-none-match")
    command.set_defaults(run=_put_object)
    return parser


def _put_object(client: Any, options: argparse.Namespace) -> int:
    condition = {"IfNoneMatch": options.if_none_match} if options.if_none_match else {}
    body = options.body.read_bytes() if options.body else b""
    answer = client.put_object(Bucket=options.bucket, Key=options.key, Body=body, **condition)
    print(json.dumps({"ETag": answer["ETag"]}, indent=4))
    return 0


def _sync(client: Any, options: argparse.Namespace) -> int:
    options.recursive = True
    return _copy(client, options)


def _copy(client: Any, options: argparse.Namespace) -> int:
    for source, target in _pairs(client, options):
        if source == "-":
            bucket, key = _split(target)
            client.upload_fileobj(sys.stdin.buffer, bucket, key)
        elif target == "-":
            bucket, key = _split(source)
            client.download_fileobj(bucket, key, sys.stdout.buffer)
            sys.stdout.flush()
        elif _is_s3(source) and _is_s3(target):
            bucket, key = _split(source)
            client.copy({"Bucket": bucket, "Key": key}, *_split(target))
        elif _is_s3(source):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            client.download_file(*_split(source), target)
        else:
            client.upload_file(source, *_split(target))
        if not options.only_show_errors and "-" not in (source, target):
            print(f"copy: {source} to {target}")
    return 0


def _pairs(client: Any, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """What is copied where, file by file."""
    source, target = options.source, options.target
    if not options.recursive:
        name = source.rstrip("/").rpartition("/")[2]
        if _is_s3(target):
            into = target.endswith("/") or not _split(target)[1]
        else:
            into = target.endswith("/") or (target != "-" and Path(target).is_dir())
        yield source, f"{target.rstrip('/')}/{name}" if into else target
        return
    for name in _names(client, source):
        yield f"{source.rstrip('/')}/{name}", f"{target.rstrip('/')}/{name}"


def _names(client: Any, source: str) -> Iterator[str]:
    """The files below a folder, by their paths within it."""
    if not _is_s3(source):
        root = Path(source)
        yield from (
            str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file()
        )
        return
    bucket, key = _split(source)
    prefix = f"{key.rstrip('/')}/" if key else ""
    for found in _objects(client, bucket, prefix):
        if not found["Key"].endswith("/"):
            yield found["Key"].removeprefix(prefix)


def _list(client: Any, options: argparse.Namespace) -> int:
    bucket, key = _split(options.source)
    delimiter = {} if options.recursive else {"Delimiter": "/"}
    # A name is told without its folder, or, of all that is below, with it.
    folder = "" if options.recursive else key[: key.rfind("/") + 1]
    empty = True
    for page in _pages(client, Bucket=bucket, Prefix=key, **delimiter):
        for row in page.get("CommonPrefixes", ()):
            empty = False
            print(f"{'PRE':>30} {row['Prefix'].removeprefix(folder)}")
        for row in page.get("Contents", ()):
            empty = False
            name = row["Key"].removeprefix(folder)
            print(f"{row['LastModified']:%Y-%m-%d %H:%M:%S} {row['Size']:>10} {name}")
    # Scripts ask so whether something is there; an empty bucket is no failure.
    return FAILED if key and empty else 0


def _objects(client: Any, bucket: str, prefix: str) -> Iterator[Any]:
    for page in _pages(client, Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", ())


def _pages(client: Any, **parameters: Any) -> Iterator[Any]:
    yield from client.get_paginator("list_objects_v2").paginate(**parameters)


def _is_s3(address: str) -> bool:
    return address.startswith("s3://")


def _split(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key
