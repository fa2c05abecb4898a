"""The front door: which service a request is for, and what happens to it on the way."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

from .admin import Admin
from .errors import AwsError
from .faults import REFUSALS, Faults, Mode
from .quotas import Governor
from .web import HangUp, Request, Response
from .wire import signing_name

#: The name that clients of EMR sign with.
EMR: Final = "elasticmapreduce"


class Service(Protocol):
    """An AWS service behind the front door; called by many threads at once."""

    def call_name(self, request: Request) -> str:
        """What the call is named in counts, quotas and faults."""

    def subject(self, request: Request) -> str:
        """What the call is about ("bucket/key"), as faults name it; else empty."""

    def answer(self, request: Request) -> Response:
        """Do it; may raise AwsError."""

    def refusal(self, request: Request, error: AwsError) -> Response:
        """Say no in the service's own protocol."""


class Calls:
    """How many calls of each operation came in, refused ones included."""

    def __init__(self) -> None:
        self._lock, self._counts = threading.Lock(), Counter[str]()

    def count(self, operation: str) -> None:
        """One more."""
        with self._lock:
            self._counts[operation] += 1

    def view(self) -> dict[str, int]:
        """All counts so far."""
        with self._lock:
            return dict(self._counts)

    def clear(self) -> None:
        """Count from 0 again."""
        with self._lock:
            self._counts.clear()


class Front:
    """Takes every request of the port.

    Arguments:
        services: By the name that their clients sign with.
        admin: Answers below `/_local/`.
        governor: Refuses what is over EMR's quotas; S3 has none.
        faults: What goes wrong on request.
        calls: Counts.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        admin: Admin,
        governor: Governor,
        faults: Faults,
        calls: Calls,
    ) -> None:
        self._services, self._admin = services, admin
        self._governor, self._faults, self._calls = governor, faults, calls

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        if request.path.startswith("/_local/"):
            return self._admin(request)
        signed_for = _service_name(request)
        service = self._services.get(signed_for)
        if service is None:
            return Response(501, {}, b"The local EMR does not serve this service.\n")
        try:
            return self._pass(service, request, has_quotas=signed_for == EMR)
        except AwsError as error:
            return service.refusal(request, error)

    def _pass(self, service: Service, request: Request, *, has_quotas: bool) -> Response:
        name, subject = service.call_name(request), service.subject(request)
        self._calls.count(name)
        if has_quotas and not self._governor.admits(name):
            raise AwsError("ThrottlingException", "Rate exceeded")
        fault = self._faults.draw(name, subject)
        if fault is None:
            return service.answer(request)
        if fault.mode in REFUSALS:
            raise REFUSALS[fault.mode]
        if fault.mode is Mode.DELAY:
            time.sleep(fault.seconds)
        response = service.answer(request)
        if fault.mode is Mode.DROP:
            raise HangUp("A fault took the answer.")
        return response


def _service_name(request: Request) -> str:
    # Unsigned requests exist too (a presigned URL, curl): S3's, unless they name an EMR target.
    unsigned = EMR if "x-amz-target" in request.headers else "s3"
    return signing_name(request) or unsigned
