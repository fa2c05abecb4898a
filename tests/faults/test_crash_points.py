"""The points where workers die, and the pauses that are shortened, are there; a process dies where it is to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tagfleet.models.lifecycle import Move
from tagfleet.models.states import JobStatus

from . import crash_points
from .crash_points import POINTS, Point, arm, find
from .quicker import CLIENTS, CONSTANTS
from .workers import ROOT


@pytest.mark.parametrize("name", POINTS)
def test_the_function_of_a_point_is_there(name: str) -> None:
    owner, attribute = find(POINTS[name].target)
    assert callable(getattr(owner, attribute))


@pytest.mark.parametrize("target", [*CONSTANTS, *CLIENTS])
def test_what_is_shortened_is_there(target: str) -> None:
    owner, name = find(target)
    value = CONSTANTS.get(target)
    assert value is None or type(value) is type(getattr(owner, name))


def test_a_renamed_function_is_told() -> None:
    with pytest.raises(AttributeError, match="renamed"):
        find("tagfleet.models.jobs:renamed")


def move(after: JobStatus) -> Move:
    return Move(job_id="a", before=JobStatus.ACCEPTED, after=after, message="")


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Arm a point around a function of moves; gives what happens, in order, when it is called with each."""

    def happens(point: Point, call: int, *moves: JobStatus) -> list[str]:
        happened: list[str] = []
        module = SimpleNamespace(function=lambda moves: happened.append("moved"))
        monkeypatch.setattr(crash_points, "find", lambda _: (module, "function"))
        arm(point, call, lambda: happened.append("ended"))
        for each in moves:
            module.function([move(each)])
        return happened

    return happens


def test_a_point_counts_only_the_moves_that_it_names(moving: Callable[..., list[str]]) -> None:
    point = Point("", True, frozenset({JobStatus.CLAIMED}))
    happened = moving(point, 1, JobStatus.KILLED, JobStatus.CLAIMED, JobStatus.CLAIMED)
    assert happened == ["moved", "ended", "moved", "moved"]


def test_a_point_after_a_function_ends_the_process_when_it_has_returned(
    moving: Callable[..., list[str]],
) -> None:
    assert moving(Point("", False), 2, JobStatus.KILLED, JobStatus.KILLED) == [
        "moved",
        "moved",
        "ended",
    ]


def test_a_process_that_comes_to_its_point_is_killed_there() -> None:
    # Given a point that every worker passes at once: what reads its settings
    program = (
        "import sys; from tests.faults import crash_points, crashing_worker;"
        "crash_points.POINTS['start'] = crash_points.Point('tagfleet.models.settings:unknown_variables', True);"
        "crash_points.arm(crash_points.POINTS['start'], 1, crashing_worker._ending('start', '1', 'kill'));"
        "from tagfleet.models import settings; settings.unknown_variables({})"
    )
    # When it is started
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=dict(os.environ), capture_output=True
    )
    # Then
    assert done.returncode == -signal.SIGKILL
    assert b"FAULTS: kill start, call 1" in done.stderr
