"""Each call of EMR: within the quota, counted, and its errors told apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError

from ...models.aws import AwsClients, error_code, error_text, kind_of_client_error
from ...models.errors import BadSetting
from ...models.passing import AWS, BOTO3, EMR, Kind, Said, classes_of, kind_of
from ...models.resources import Engine
from ...monitoring import recorder
from .base import (
    ClusterFull,
    ClusterGone,
    Deadline,
    OutcomeUnknown,
    StepsRefused,
    Throttled,
    Unanswered,
)
from .departure import departing
from .governor import Account, Governor

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient

Answer = TypeVar("Answer")


class StepsAbsent(ClusterGone):
    """EMR shows no step of one of the ids, and so did nothing for any of them."""


class EmrCalls:
    """Makes the calls, whichever they are; what they mean is said elsewhere."""

    def __init__(self, clients: AwsClients, governor: Governor) -> None:
        self._clients, self._governor = clients, governor

    def admit(self, operation: str, engine: Engine, *, patience: float = 0.0) -> EMRClient:
        """The client, and one call of the quota to use it for.

        Arguments:
            patience: How long this may wait for the quota, in seconds.

        Raises:
            Throttled: The quota has no room.
            Unanswered: There is no client for this cluster.
        """
        client = self.client(engine)
        self._governor.take(_account(client, engine), operation, patience=patience)
        return client

    def client(self, engine: Engine) -> EMRClient:
        """The client for the cluster.

        Raises:
            Unanswered: There is none: no region is known, or none of that name.
        """
        try:
            return self._clients.emr(engine.region, engine.role_arn)
        except (BadSetting, BotoCoreError, ValueError) as error:
            # No fault of the jobs: they wait until the catalog or the setting is mended.
            raise Unanswered(f"EMR cluster {engine.cluster_id} cannot be asked: {error}") from error

    def ask(
        self,
        operation: str,
        engine: Engine,
        call: Callable[[EMRClient], Answer],
        *,
        patience: float = 0.0,
    ) -> Answer:
        """Make a call that changes nothing, or may be made twice; its errors say nothing about any step.

        Raises:
            Throttled, Unanswered, ClusterGone, StepsAbsent: It was not made, or not answered.
        """
        client = self.admit(operation, engine, patience=patience)
        try:
            with _counted(operation):
                return call(client)
        except ClientError as error:
            raise self._unanswered(operation, engine, client, error) from error
        except (BotoCoreError, ResponseParserError) as error:
            raise Unanswered(f"{operation}: {error}") from error

    def send(
        self,
        operation: str,
        engine: Engine,
        call: Callable[[EMRClient], Answer],
        deadline: Deadline,
    ) -> Answer:
        """Make a call that must not be made twice; its quota was taken by `admit`.

        Arguments:
            deadline: What has not left this process by then does not leave it.

        Raises:
            Throttled, ClusterFull, ClusterGone, StepsRefused, Unanswered: Nothing was done for certain.
            OutcomeUnknown: It may have been done.
        """
        client = self.client(engine)
        with departing(client, operation, deadline) as departure:
            try:
                with _counted(operation):
                    return call(client)
            except ParamValidationError as error:
                raise StepsRefused(str(error)) from error
            except (ClientError, BotoCoreError) as error:
                # Before it has left, it is another service that fails: STS, where a role is assumed.
                if not departure.left:
                    raise Unanswered(f"{operation} was not sent: {error}") from error
                if isinstance(error, ClientError):
                    raise self._refusal(operation, engine, client, error) from error
                raise _lost(error) from error
            except ResponseParserError as error:
                raise OutcomeUnknown(f"The answer cannot be read: {error}") from error

    def _unanswered(
        self, operation: str, engine: Engine, client: EMRClient, error: ClientError
    ) -> Exception:
        kind, said = kind_of_client_error(error, EMR, AWS), _said(error)
        if kind is Kind.THROTTLED:
            return self._throttled(operation, engine, client, said)
        if kind is Kind.STEP_ABSENT:
            return StepsAbsent(said)
        if kind in (Kind.GONE, Kind.ABSENT):
            return ClusterGone(f"EMR cluster {engine.cluster_id}: {error_text(error)}")
        return Unanswered(f"{operation}: {said}")

    def _refusal(
        self, operation: str, engine: Engine, client: EMRClient, error: ClientError
    ) -> Exception:
        """What a submission's error says of its steps; only words that EMR is known to use are believed."""
        kind, said = kind_of_client_error(error, EMR, AWS), _said(error)
        if kind is Kind.THROTTLED:
            return self._throttled(operation, engine, client, said)
        refusals: dict[Kind, type[Exception]] = {
            Kind.IN_DOUBT: OutcomeUnknown,
            Kind.FULL: ClusterFull,
            Kind.GONE: ClusterGone,
            Kind.LASTS: StepsRefused,
            # No step has an id yet: EMR speaks of something in the step.
            Kind.STEP_ABSENT: StepsRefused,
        }
        # Else credentials, rights, a cluster that this account does not know: it may pass.
        return refusals.get(kind, Unanswered)(said)

    def _throttled(self, operation: str, engine: Engine, client: EMRClient, said: str) -> Throttled:
        wait = self._governor.drain(_account(client, engine), operation)
        return Throttled(f"{operation}: {said}", wait=wait)


def _account(client: EMRClient, engine: Engine) -> Account:
    return Account.of(engine.role_arn, client.meta.region_name)


def _said(error: ClientError) -> str:
    return f"{error_code(error)}: {error_text(error)}"


def _lost(error: BotoCoreError) -> Exception:
    """A call that got no answer; one that got no connection was never sent."""
    sent = kind_of(Said(classes_of(error)), BOTO3) is not Kind.PASSES
    return OutcomeUnknown(str(error)) if sent else Unanswered(str(error))


@contextmanager
def _counted(operation: str) -> Iterator[None]:
    begin, result = time.monotonic(), "unknown"
    try:
        yield
        result = "ok"
    except ClientError as error:
        kind = kind_of_client_error(error, EMR, AWS)
        result = "throttled" if kind is Kind.THROTTLED else "error"
        raise
    finally:
        recorder.record_emr_call(operation, result, time.monotonic() - begin)
