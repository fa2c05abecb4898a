"""The local YARN, as the programs of a step see it: they ask the server, which runs the applications."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

#: How long an application's output waits at most before it is seen, in seconds.
PAUSE = 0.25


class Refused(Exception):
    """What the server says when it cannot do what it was asked for."""


def am_i_one() -> bool:
    """Whether this process is an application already."""
    return "LOCAL_EMR_APPLICATION" in os.environ


def run(words: Sequence[str], *, waits: bool = True) -> int:
    """Run a program as an application; returns its exit code, or 0 at once when nobody waits for it.

    Whoever ends this process does not end the application.
    """
    try:
        report = ask(
            "applications",
            step=os.environ["EMR_STEP_ID"],
            words=list(words),
            environment=dict(os.environ),
            folder=os.getcwd(),
        )
        _say(f"Submitted application {report['id']}")
        return _follow(report) if waits else 0
    except Refused as error:
        print(error, file=sys.stderr)
        return 1


def ask(route: str, **content: Any) -> Any:
    """Ask the server about the applications of this step's cluster.

    Raises Refused when it says no.
    """
    body = json.dumps({"cluster": os.environ["EMR_CLUSTER_ID"], **content}).encode()
    request = urllib.request.Request(f"{os.environ['LOCAL_EMR_URL']}/_local/{route}", data=body)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(json.load(error)["error"]) from None


def _follow(report: dict[str, Any]) -> int:
    """Pass on what an application writes until it ends."""
    folder = Path(report["folder"])
    with ExitStack() as stack:
        pairs: list[tuple[BinaryIO, BinaryIO]] = []
        while report["exit_code"] is None:
            report = ask("applications/wait", id=report["id"], seconds=PAUSE)
            # They are there once it has started.
            if not pairs and (folder / "stderr").exists():
                pairs = [
                    (stack.enter_context((folder / "stdout").open("rb")), sys.stdout.buffer),
                    (stack.enter_context((folder / "stderr").open("rb")), sys.stderr.buffer),
                ]
            for source, target in pairs:
                target.write(source.read())
                target.flush()
    _say(f"Application report for {report['id']} (final status: {report['final_status']})")
    return int(report["exit_code"])


def _say(message: str) -> None:
    now = time.strftime("%y/%m/%d %H:%M:%S")
    print(f"{now} INFO Client: {message}", file=sys.stderr, flush=True)
