"""gunicorn's logger, speaking as the rest of the fleet does: one structured line a request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

access = logging.getLogger("tagfleet.access")


class FleetLogger(Logger):
    """Sends what gunicorn has to say to this process's own log."""

    def setup(self, cfg: Any) -> None:
        """Called when the server starts: gunicorn's own handlers are left out."""
        super().setup(cfg)
        self.error_log.handlers[:] = []
        self.error_log.propagate = True
        # Starting, booting, listening: the command says it itself.
        self.error_log.setLevel(logging.WARNING)

    def access_log_enabled(self) -> bool:
        """Every request is logged."""
        return True

    def access(
        self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: timedelta
    ) -> None:
        """Called when a request is done, after the last byte of its answer."""
        method, path = environ.get("REQUEST_METHOD", "-"), environ.get("PATH_INFO", "-")
        status = str(resp.status).split(None, 1)[0]
        fields = {
            "action": "request",
            "method": method,
            # Never the query: who must, sends a token there.
            "path": path,
            "status": int(status) if status.isdigit() else status,
            "milliseconds": round(request_time.total_seconds() * 1000, 1),
            "bytes": getattr(resp, "sent", None),
            "client": environ.get("REMOTE_ADDR") or "-",
            "user": environ.get("tagfleet.user"),
            "job_id": environ.get("tagfleet.job"),
        }
        level = logging.DEBUG if path in _ASKED_ALL_THE_TIME else logging.INFO
        access.log(
            level,
            f"{method} {path} {status}",
            extra={name: value for name, value in fields.items() if value is not None},
        )


_ASKED_ALL_THE_TIME = frozenset({"/healthz", "/readyz", "/metrics"})
