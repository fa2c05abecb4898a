"""What is told of each request: its metrics, and the job and user of its line in the access log."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from ...monitoring import recorder


def install(app: Flask) -> None:
    """Tell of each request of the application."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.begin = time.monotonic()


def _end(response: Response) -> Response:
    arguments = request.view_args or {}
    if job_id := arguments.get("job_id") or g.get("job_id"):
        request.environ["tagfleet.job"] = job_id
    # The rule, never the path: each path would be a time series of its own.
    route = request.url_rule.rule if request.url_rule else "none"
    seconds = time.monotonic() - g.get("begin", time.monotonic())
    recorder.record_http(request.method, route, response.status_code, seconds)
    return response
