"""Which errors pass: one table for every service, and the pause before the next try."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """What an error means for what met it; its value is what the fleet does."""

    THROTTLED = "waits; never an attempt, never a failure"
    FULL = "waits for a slot"
    GONE = "goes to another cluster"
    ABSENT = "asked again; says nothing about a job"
    STEP_ABSENT = "asked again without it; says nothing about its job"
    PASSES = "tried again"
    IN_DOUBT = "looked up before it is tried again, unless it may be done twice"
    LASTS = "not tried again"


#: Errors after which the same call may work later.
PASSING: Final = frozenset({Kind.THROTTLED, Kind.FULL, Kind.PASSES, Kind.IN_DOUBT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of error: named, or told by its HTTP status, or by a part of its text."""

    service: str
    kind: Kind
    why: str
    #: Codes, or exception classes; one of them, or one of the statuses. With neither, any error.
    names: frozenset[str] = frozenset()
    statuses: tuple[range, ...] = ()
    #: In lower case; one of them must be in what the service says.
    texts: tuple[str, ...] = ()

    def matches(self, names: Collection[str], status: int | None, text: str) -> bool:
        """Whether the row speaks of such an error."""
        if (self.names or self.statuses) and not (
            self.names.intersection(names) or any(status in each for each in self.statuses)
        ):
            return False
        return not self.texts or any(part in text.lower() for part in self.texts)

    @property
    def shown(self) -> str:
        """The errors, as the documentation names them."""
        statuses = [
            f"HTTP {each.start}" + (f"-{each.stop - 1}" if len(each) > 1 else "")
            for each in self.statuses
        ]
        said = [f'"{part}"' for part in self.texts]
        names = sorted(self.names, key=lambda name: (name.isdigit(), name.zfill(5), name))
        return ", ".join([*names, *statuses, *said]) or "any other"


AWS, EMR, BOTO3, MONGODB = "AWS", "EMR", "boto3", "MongoDB"
RABBITMQ, HTTP = "RabbitMQ", "HTTP"

#: AWS's names for "too many calls". EMR answers them with HTTP 400, S3 with 503.
THROTTLES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)


def _row(service: str, kind: Kind, why: str, *names: str | int, **more: Any) -> Row:
    return Row(service=service, kind=kind, why=why, names=frozenset(map(str, names)), **more)


#: The first row that matches counts. EMR's texts are those that its clients match on (mrjob, the
#: Terraform provider): it has one code for all of them.
TABLE: Final[tuple[Row, ...]] = (
    _row(
        AWS, Kind.THROTTLED, "the account's quota is used up", *THROTTLES, statuses=(range(429, 430),)
    ),
    _row(
        AWS, Kind.IN_DOUBT, "the service failed, before or after it did what was asked",
        "InternalError", "InternalErrorException", "InternalFailure", "InternalServerError",
        "InternalServerException", "RequestTimeout", "RequestTimeoutException",
        "ServiceUnavailable", "ServiceUnavailableException",
        statuses=(range(500, 600),),
    ),
    _row(
        AWS, Kind.PASSES, "two writes at once, credentials that are renewed",
        "ConditionalRequestConflict", "ExpiredToken", "ExpiredTokenException", "OperationAborted",
    ),
    _row(
        EMR, Kind.FULL, "256 steps are active", texts=("maximum number of active steps",)
    ),
    _row(
        EMR, Kind.GONE, "the cluster ends or has ended",
        texts=("shutting down, terminated, or finished",),
    ),
    _row(
        EMR, Kind.STEP_ABSENT, "EMR shows only the newest 1,000 steps of a cluster", texts=("step id",)
    ),
    _row(
        EMR, Kind.ABSENT, "EMR shows no such cluster to this account",
        texts=("job flow id not valid", "job flow id does not exist", "cluster id"),
    ),
    _row(
        EMR, Kind.LASTS, "a step that EMR refuses; a batch is halved until it stands alone",
        "ValidationException", "InvalidRequestException",
    ),
    _row(EMR, Kind.PASSES, "credentials, rights: no fault of the job, and an admin may mend it"),
    _row(AWS, Kind.LASTS, "the request itself is wrong or not allowed"),
    _row(
        BOTO3, Kind.PASSES, "nothing was sent",
        "ConnectTimeoutError", "CredentialRetrievalError", "EndpointConnectionError",
        "InvalidRegionError", "NoCredentialsError", "NoRegionError", "PartialCredentialsError",
    ),
    _row(BOTO3, Kind.LASTS, "the request cannot be written", "ParamValidationError"),
    _row(BOTO3, Kind.IN_DOUBT, "no answer, or a broken one", "BotoCoreError", "ResponseParserError"),
    _row(
        MONGODB, Kind.PASSES, "no server answers, or another one leads now",
        "ConnectionFailure", "ExecutionTimeout", "WTimeoutError",
        "CursorNotFound", "ProtocolError",
        # By number (mongo/src/mongo/base/error_codes.yml): HostUnreachable, HostNotFound,
        # LockTimeout, MaxTimeMSExpired, WriteConcernTimeout, NetworkTimeout, ShutdownInProgress,
        # UnsatisfiableWriteConcern, WriteConflict, ReadConcernMajorityNotAvailableYet,
        # PrimarySteppedDown, ExceededTimeLimit, SocketException, NotWritablePrimary,
        # InterruptedAtShutdown, InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk,
        # NotPrimaryOrSecondary.
        6, 7, 24, 50, 64, 89, 91, 100, 112, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436,
    ),
    _row(
        MONGODB, Kind.PASSES,
        "refused credentials, missing rights, a full disk: no fault of the job, and an admin may mend it",
        13, 18, 14031,
    ),
    _row(
        MONGODB, Kind.PASSES, "the worker stops", "InvalidOperation", texts=("after close",)
    ),
    _row(MONGODB, Kind.LASTS, "what is written is wrong, or too large"),
    _row(
        RABBITMQ, Kind.PASSES, "it stops, lacks memory or disk, or a queue is declared again",
        "nack", 320, 404, 405, 506, 541,
    ),
    _row(RABBITMQ, Kind.IN_DOUBT, "the connection was lost", "connection lost"),
    _row(RABBITMQ, Kind.LASTS, "not allowed, or declared otherwise"),
    _row(
        HTTP, Kind.PASSES, "a time-out, a lock, too early, too many requests, a failure of the server",
        statuses=(
            range(408, 409), range(423, 424), range(425, 426), range(429, 430), range(500, 600),
        ),
    ),
    _row(HTTP, Kind.LASTS, "the address is wrong, or not allowed"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What a service said, as far as the table asks for it."""

    names: Collection[str] = field(default=())
    status: int | None = None
    text: str = ""


def kind_of(said: Said, *services: str) -> Kind:
    """What the error means: the first row of one of the services that matches it."""
    for row in TABLE:
        if row.service in services and row.matches(said.names, said.status, said.text):
            return row.kind
    return Kind.LASTS


def classes_of(error: BaseException) -> list[str]:
    """The names of the error's class and of all that it is derived from."""
    return [each.__name__ for each in type(error).__mro__]


def rows() -> Iterator[tuple[str, str, str, str]]:
    """The table as the documentation shows it: service, errors, why, what the fleet does."""
    for row in TABLE:
        yield row.service, row.shown, row.why, str(row.kind)


#: The bounds of `pause`, in seconds.
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0


def pause(attempt: int, *, first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE) -> float:
    """How long to wait before the next try, in seconds: anything up to a bound that doubles each time.

    Whoever failed in the same moment must not come back in the same moment.

    Arguments:
        attempt: How often it was tried; 1 after the first failure.
        first: The bound of the first pause.
        longest: What the bound never exceeds.
    """
    # 2 ** 1000 is no float any more.
    return random.uniform(0, min(longest, first * 2.0 ** min(max(attempt, 1) - 1, 60)))
