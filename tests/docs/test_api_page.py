"""The commands of the page about /api/v1 do what the page says."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from tagfleet.models import catalog, jobs
from tagfleet.models.database import now

from ..models.samples import a_cluster, a_command, a_request
from ..producers.http.conftest import make_app
from ..producers.http.served import served
from .blocks import labelled

__all__ = ["make_app"]

PAGE = "docs/api.md"


def test_each_command_of_the_page_works(
    make_app: Callable[..., Flask], mongodb: Any, tmp_path: Path
) -> None:
    # Given a server, and a job that nobody works at
    catalog.apply([a_command(), a_cluster()])
    jobs.record(
        a_request(id="job-1"), "default", worker="the test", ring_at=now(), queue_seconds=60
    )
    environment = {"PATH": os.environ["PATH"], "JOB": "job-1"}

    def run(label: str) -> str:
        script = labelled(PAGE, f"run: {label}").code
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{label}: {done.stdout}{done.stderr}"
        return done.stdout

    with served(make_app()) as environment["URL"]:
        # Then each step tells what the page says
        asked = run("ask")
        assert '"outcome":"routed"' in asked
        assert '"history":[' in asked
        assert '"waits":true' in asked
        assert run("many").count('"unknown":["other"]') == 2
        followed = run("follow")
        assert "event: status" in followed
        assert '"goesOn":true' in followed
