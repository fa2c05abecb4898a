"""Whether the server lives, whether it can work, and its metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Any, Final

import marshmallow as ma
from flask import Response, current_app
from flask_smorest import Blueprint

from ...models.database import database
from .security.roles import public
from .services import Services, services

blueprint = Blueprint("health", __name__, description="Whether the server lives and can work")

#: How long a service may take to show that it is there, in seconds.
CHECK_SECONDS: Final = 6.0

#: How old an answer may be: however many ask, the services are asked no more often.
FRESH_SECONDS: Final = 2.0

OK: Final = "ok"


class HealthSchema(ma.Schema):
    """The answer of a server that lives."""

    status = ma.fields.String(metadata={"description": "Always `ok`.", "example": "ok"})


class ReadinessSchema(ma.Schema):
    """Whether the server can work, and what it needs for that."""

    status = ma.fields.String(metadata={"description": "`ready` or `not ready`."})
    dependencies = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        metadata={"description": "`ok`, or why not, for each service."},
    )


@blueprint.route("/healthz")
@blueprint.doc(operationId="get_health", summary="Whether the server lives")
@blueprint.response(200, HealthSchema)
@public
def healthz() -> dict[str, str]:
    """Say that the process lives; asks nobody else."""
    return {"status": OK}


@blueprint.route("/readyz")
@blueprint.doc(operationId="get_readiness", summary="Whether the server can work")
@blueprint.response(200, ReadinessSchema)
@blueprint.alt_response(503, schema=ReadinessSchema, description="A service is away.")
@public
def readyz() -> tuple[dict[str, Any], int]:
    """Say whether every service answers that requests need, and which one does not."""
    checker: _Checker = current_app.extensions.setdefault("tagfleet-readiness", _Checker())
    found = checker.look(services())
    ready = all(text == OK for text in found.values())
    body = {"status": "ready" if ready else "not ready", "dependencies": found}
    return body, 200 if ready else 503


@blueprint.route("/metrics")
@blueprint.doc(operationId="get_metrics", summary="Get the metrics")
@blueprint.response(200, {"type": "string"}, content_type="text/plain")
@public
def metrics() -> Response:
    """The metrics of this process, for Prometheus."""
    # Imported late: it looks at its environment when it is imported.
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


class _Checker:
    """Asks the services, one question at a time, and remembers the answers for a moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0.0
        self._found: dict[str, str] = {}

    def look(self, door: Services) -> dict[str, str]:
        with self._lock:
            if not self._found or time.monotonic() - self._asked > FRESH_SECONDS:
                self._found = _ask(_checks(door))
                self._asked = time.monotonic()
            return self._found


def _checks(door: Services) -> dict[str, Callable[[], object]]:
    checks: dict[str, Callable[[], object]] = {"mongodb": lambda: database().command("ping")}
    if publisher := door.publisher:
        checks["rabbitmq"] = publisher.check
    if door.settings.staging_url:
        checks["staging"] = lambda: door.staging.exists("nothing")
    return checks


def _ask(checks: dict[str, Callable[[], object]]) -> dict[str, str]:
    pool = ThreadPoolExecutor(len(checks), thread_name_prefix="readiness")
    asked = {name: pool.submit(check) for name, check in checks.items()}
    end = time.monotonic() + CHECK_SECONDS
    found = {}
    for name, answer in asked.items():
        try:
            answer.result(max(0.0, end - time.monotonic()))
            found[name] = OK
        except TooLate:
            found[name] = f"no answer within {CHECK_SECONDS:g} s"
        except Exception as error:  # whatever it is, it is the reason
            found[name] = (str(error) or type(error).__name__).split(", Timeout:")[0][:500]
    pool.shutdown(wait=False)
    return found
