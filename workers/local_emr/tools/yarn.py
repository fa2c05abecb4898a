"""`yarn`, as far as a step needs it: `application -kill | -status | -list`, and Hadoop's distributed shell."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from . import yarn_applications
from .yarn_applications import Refused, ask

#: What Hadoop's programs end with when they fail.
FAILED = 255

_KNOWN = (
    "yarn application -kill ID | -status ID | -list, and"
    " yarn jar hadoop-yarn-applications-distributedshell.jar -shell_command COMMAND"
)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    try:
        match list(arguments):
            case ["application" | "app", "-kill", application_id]:
                return _kill(application_id)
            case ["application" | "app", "-status", application_id]:
                return _show(application_id)
            case ["application" | "app", "-list"]:
                return _list()
            case ["jar", *rest] if "-shell_command" in rest[:-1]:
                command = rest[rest.index("-shell_command") + 1]
                return yarn_applications.run(["bash", "-c", command])
    except Refused as error:
        print(error, file=sys.stderr)
        return FAILED
    print(f"The local EMR's yarn knows only: {_KNOWN}", file=sys.stderr)
    return FAILED


def _kill(application_id: str) -> int:
    before = ask("applications/kill", id=application_id)
    if before["state"] == "RUNNING":
        print(f"Killing application {application_id}")
    else:
        print(f"Application {application_id} has already finished")
    return 0


def _show(application_id: str) -> int:
    report = ask("applications/wait", id=application_id)
    print("Application Report :")
    for name, value in _fields(report).items():
        print(f"\t{name} : {value}")
    return 0


def _list() -> int:
    reports = ask("applications/list")
    print(f"Total number of applications (states: RUNNING):{len(reports)}")
    print("\t".join(_fields({"id": "", "state": "", "final_status": ""})))
    for report in reports:
        print("\t".join(_fields(report).values()))
    return 0


def _fields(report: dict[str, Any]) -> dict[str, str]:
    return {
        "Application-Id": report["id"],
        "State": report["state"],
        "Final-State": report["final_status"],
    }
