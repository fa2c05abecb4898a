"""The boto3 clients of this process, and which of AWS's errors pass."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .errors import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_s3 import S3Client

#: AWS's names for "too many calls"; EMR answers them with HTTP 400.
THROTTLES: Final = frozenset(
    {"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"}
)

#: More than the threads of a worker process that call at once; urllib3 warns below that.
_POOL = 32

_SUBMIT = Config(
    # AddJobFlowSteps has no client token: a retry after a lost answer adds the steps again.
    retries={"total_max_attempts": 1, "mode": "standard"},
    connect_timeout=5,
    read_timeout=10,
    max_pool_connections=_POOL,
)
_READ = Config(
    retries={"total_max_attempts": 5, "mode": "standard"},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=_POOL,
)


class AwsClients:
    """Makes each client once, and keeps it. Make it after a fork: botocore's clients do not survive one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._made: dict[tuple[str, ...], Any] = {}

    def s3(self) -> S3Client:
        """The client for S3."""
        addressing = {"addressing_style": "path"} if _has_own_endpoint("S3") else {}
        client: S3Client = self._client(
            ("s3",), lambda session: session.client("s3", config=_READ.merge(Config(s3=addressing)))
        )
        return client

    def emr_submit(self, region: str | None = None, role_arn: str | None = None) -> EMRClient:
        """The client for AddJobFlowSteps alone: it never repeats a call."""
        return self._emr("submit", region, role_arn, _SUBMIT)

    def emr_read(self, region: str | None = None, role_arn: str | None = None) -> EMRClient:
        """The client for every call that may be repeated."""
        return self._emr("read", region, role_arn, _READ)

    def _emr(self, purpose: str, region: str | None, role_arn: str | None, config: Config) -> EMRClient:
        def make(session: boto3.Session) -> EMRClient:
            credentials = _assumed(session, role_arn) if role_arn else {}
            return session.client("emr", region_name=region, config=config, **credentials)

        client: EMRClient = self._client(("emr", purpose, region or "", role_arn or ""), make)
        return client

    def _client(self, key: tuple[str, ...], make: Callable[[boto3.Session], Any]) -> Any:
        # Clients are thread-safe; sessions, and the making of clients, are not (boto3 guide, "Multithreading").
        with self._lock:
            if key not in self._made:
                self._session = self._session or boto3.Session()
                try:
                    self._made[key] = make(self._session)
                except BotoCoreError as error:
                    raise ServiceUnavailable(
                        "AWS", key[0], str(error), "Set AWS_REGION and credentials, or AWS_ENDPOINT_URL."
                    ) from error
            return self._made[key]


def is_passing(error: ClientError) -> bool:
    """Whether a call that ended so may work later: throttles and the service's own errors pass."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return error_code(error) in THROTTLES or status >= 500


def error_code(error: ClientError) -> str:
    """AWS's name for the error (`NoSuchKey`, `ThrottlingException`; for a HEAD, the HTTP status)."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def _has_own_endpoint(service: str) -> bool:
    return bool(os.environ.get("AWS_ENDPOINT_URL") or os.environ.get(f"AWS_ENDPOINT_URL_{service}"))


def _assumed(session: boto3.Session, role_arn: str) -> dict[str, str]:
    answer = session.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="tagfleet")
    found = answer["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }
