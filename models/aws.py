"""The boto3 clients of this process, and which of AWS's errors pass."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

from .errors import BadSetting
from .passing import AWS, PASSING, Kind, Said, kind_of

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_s3 import S3Client

#: How long any AWS service may take to accept a connection, in seconds.
CONNECT_SECONDS: Final = 5

#: How long S3 may be silent within an answer, in seconds. A server-side copy of 5 GiB takes its
#: time, but S3 keeps the connection alive with white space (S3 API reference, CopyObject).
S3_READ_SECONDS: Final = 60

#: How long EMR may take to answer, in seconds.
EMR_READ_SECONDS: Final = 10

#: How long SQS may take to answer, in seconds: longer than the longest poll that is asked for.
SQS_READ_SECONDS: Final = 15

#: Connections that one client keeps. botocore keeps 10, and warns about each one beyond that; a
#: worker process has some eight threads, each of which may stage eight files at once.
POOL_SIZE: Final = 64

_EMR: Final = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=EMR_READ_SECONDS,
    # AddJobFlowSteps has no client token: a call that is repeated after a lost answer adds its
    # steps twice, and botocore repeats it without a word. And any call that botocore repeats, a
    # throttled one first of all, is one that the quota's governor does not know of; what asks
    # EMR comes again by itself.
    retries={"total_max_attempts": 1, "mode": "standard"},
    max_pool_connections=POOL_SIZE,
)
_S3: Final = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=S3_READ_SECONDS,
    retries={"total_max_attempts": 5, "mode": "standard"},
    max_pool_connections=POOL_SIZE,
)
_SQS: Final = Config(
    connect_timeout=CONNECT_SECONDS,
    read_timeout=SQS_READ_SECONDS,
    # Who listens asks again by itself, and must not be held up when it is to stop.
    retries={"total_max_attempts": 1, "mode": "standard"},
)
#: Any other server than AWS's own has no `bucket.host` names.
_PATH_STYLE: Final = Config(s3={"addressing_style": "path"})


def is_passing(error: ClientError) -> bool:
    """Whether the same call may work later: see the table of AWS's errors in `passing`."""
    return kind_of_client_error(error, AWS) in PASSING


def kind_of_client_error(error: ClientError, *services: str) -> Kind:
    """What the error means, by the rows of these services in the table of `passing`."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return kind_of(Said([error_code(error)], status, error_text(error)), *services)


def error_code(error: ClientError) -> str:
    """AWS's name for the error; the HTTP status ("404") where there is no other, as after a HEAD."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def error_text(error: ClientError) -> str:
    """What AWS says of the error."""
    return str(error.response.get("Error", {}).get("Message") or error)


class AwsClients:
    """Makes each client once, and keeps it; one object serves all threads of a process.

    Make it after the process was forked, not before: connections do not survive a fork.

    Endpoints come from boto3's own variables (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3`, ...).

    Arguments:
        region: Where AWS is called unless a call says otherwise. Default: `AWS_REGION`, then
            what boto3 finds (`AWS_DEFAULT_REGION`, the profile).
    """

    def __init__(self, region: str | None = None) -> None:
        # boto3 itself does not read AWS_REGION (botocore.configprovider), unlike all other SDKs.
        self._region = region or os.environ.get("AWS_REGION") or None
        # Clients are safe to share between threads; sessions, and the making of clients, are not
        # (boto3 guide, "Multithreading").
        self._making = threading.Lock()
        self._session: boto3.Session | None = None
        self._sessions_of_roles: dict[str, boto3.Session] = {}
        self._clients: dict[tuple[str, ...], Any] = {}

    def s3(self, region: str | None = None, role_arn: str | None = None) -> S3Client:
        """The client for S3: five attempts.

        Raises:
            BadSetting: A role is to be assumed, and no region is known.
        """
        config = _S3.merge(_PATH_STYLE) if _has_own_endpoint("S3") else _S3
        client: S3Client = self._client("s3", config, region, role_arn)
        return client

    def emr(self, region: str | None = None, role_arn: str | None = None) -> EMRClient:
        """The client for EMR: a single attempt, no call is ever repeated.

        Arguments:
            region: The cluster's region.
            role_arn: A role that is assumed for the call.

        Raises:
            BadSetting: No region is known.
        """
        client: EMRClient = self._client("emr", _EMR, region, role_arn)
        return client

    def sqs(self, region: str | None = None) -> Any:
        """The client for SQS: a single attempt.

        Raises:
            BadSetting: No region is known.
        """
        return self._client("sqs", _SQS, region, None)

    def close(self) -> None:
        """Close every connection; what is asked for afterwards is made anew."""
        with self._making:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
            self._sessions_of_roles.clear()
            self._session = None

    def _client(
        self, service: Any, config: Config, region: str | None, role_arn: str | None
    ) -> Any:
        key = (service, region or "", role_arn or "")
        with self._making:
            if key not in self._clients:
                session = self._session_as(role_arn) if role_arn else self._own_session()
                try:
                    self._clients[key] = session.client(service, region, config=config)
                except NoRegionError as error:
                    raise BadSetting("AWS_REGION", "", "a region such as us-east-1") from error
            return self._clients[key]

    def _own_session(self) -> boto3.Session:
        if self._session is None:
            self._session = boto3.Session(region_name=self._region)
        return self._session

    def _session_as(self, role_arn: str) -> boto3.Session:
        if role_arn not in self._sessions_of_roles:
            self._sessions_of_roles[role_arn] = _session_as(role_arn, self._region)
        return self._sessions_of_roles[role_arn]


class _AssumedRole(CredentialProvider):
    """Credentials of a role, asked for when they are first needed and again before they run out."""

    METHOD = "tagfleet-assumed-role"

    def __init__(self, own: botocore.session.Session, role_arn: str) -> None:
        super().__init__()
        self._own, self._role_arn = own, role_arn

    def load(self) -> Credentials:
        """Called by botocore when a client of the session is made."""
        return DeferredRefreshableCredentials(self._assume, self.METHOD)

    def _assume(self) -> Any:
        credentials = self._own.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        fetcher = AssumeRoleCredentialFetcher(
            self._own.create_client,
            credentials,
            self._role_arn,
            extra_args={"RoleSessionName": "tagfleet"},
        )
        return fetcher.fetch_credentials()


def _session_as(role_arn: str, region: str | None) -> boto3.Session:
    """A session that acts as the role, which the process's own credentials may assume."""
    own, acting = botocore.session.get_session(), botocore.session.get_session()
    if region:
        own.set_config_variable("region", region)
    provider = _AssumedRole(own, role_arn)
    acting.register_component("credential_provider", CredentialResolver([provider]))
    return boto3.Session(botocore_session=acting, region_name=region)


def _has_own_endpoint(service: str) -> bool:
    return bool(os.environ.get("AWS_ENDPOINT_URL") or os.environ.get(f"AWS_ENDPOINT_URL_{service}"))
