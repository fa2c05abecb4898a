"""The checker can tell each way in which a run may have gone wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from . import checker
from .checker import judge
from .evidence import Evidence, LedgerStep, gather, read_ledger
from .plan import Kind, PlannedJob

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WAY = ("RESERVED", "RESOLVED", "ACCEPTED", "CLAIMED", "INIT", "RUNNING")


def step(name: str = "s-1", state: str = "COMPLETED", **changes: Any) -> LedgerStep:
    begin = BEGIN.timestamp()
    row: dict[str, Any] = {
        "step": name,
        "name": "job-0.1 true",
        "state": state,
        "process_starts": 1,
        "created": begin + 3,
        "started": begin + 4,
        "ended": begin + 5,
    }
    return LedgerStep(**row | changes)


def document(*history: str, **changes: Any) -> dict[str, Any]:
    statuses = history or (*WAY, "SUCCEEDED")
    entries = [
        {"status": status, "time": BEGIN + timedelta(seconds=number), "message": status}
        for number, status in enumerate(statuses)
    ]
    return {
        "_id": "job-0",
        "status": statuses[-1],
        "history": entries,
        "finished": BEGIN + timedelta(seconds=6),
        "step_id": "s-1",
        "exit_code": 0,
        **changes,
    }


def sound(kind: Kind = Kind.TRUE, exit_code: int = 0) -> Evidence:
    job = PlannedJob(id="job-0", kind=kind, at=0, user="ana", exit_code=exit_code)
    return Evidence(job=job, steps=[step()], marks=["s-1"], document=document(), told=["SUCCEEDED"])


def failed() -> Evidence:
    return replace(
        sound(Kind.FALSE, 7),
        steps=[step(state="FAILED")],
        document=document(*WAY, "FAILED", exit_code=7),
        told=["FAILED", "FAILED"],
    )


def killed(*, asked_after: float = 4.5) -> Evidence:
    return replace(
        sound(Kind.ENDLESS),
        steps=[step(state="CANCELLED")],
        document=document(*WAY, "KILLED"),
        told=["KILLED"],
        kill_written=BEGIN.timestamp() + asked_after,
    )


def killed_in_the_queue() -> Evidence:
    return replace(
        killed(asked_after=2.5),
        steps=[],
        marks=[],
        document=document("RESERVED", "RESOLVED", "ACCEPTED", "KILLED", step_id=None),
    )


def killed_while_in_doubt(created_after: float = 2) -> Evidence:
    """Its submission seemed lost when its end was asked for; its step was found later."""
    evidence = killed(asked_after=2.5)
    assert evidence.document
    evidence.document["history"][3]["message"] = "Step s-1 is on the cluster already: adopted."
    found = step(state="CANCELLED", created=BEGIN.timestamp() + created_after)
    return replace(evidence, steps=[found])


def stood_down() -> Evidence:
    return replace(sound(Kind.STAGED), steps=[step(), step("s-2")])


@pytest.mark.parametrize(
    "evidence",
    [
        sound(),
        failed(),
        killed(),
        killed_in_the_queue(),
        killed_while_in_doubt(),
        stood_down(),
    ],
    ids=[
        "ended well",
        "failed",
        "killed",
        "killed in the queue",
        "killed while in doubt",
        "doubled, and stood down",
    ],
)
def test_a_job_with_which_all_is_well_is_found_so(evidence: Evidence) -> None:
    assert judge(evidence) == []


@pytest.mark.parametrize(
    ("evidence", "problem"),
    [
        (replace(sound(), document=None), "there is no such job"),
        (replace(sound(), marks=["s-1", "s-2"], steps=[step(), step("s-2")]), "ran 2 times"),
        (replace(sound(), steps=[step(), step("s-2")]), "2 steps of it ran"),
        (replace(sound(), marks=[]), "ran 0 times"),
        (replace(sound(), marks=["s-9"]), "are not of its steps"),
        (replace(sound(), steps=[step(process_starts=2)]), "started more than once"),
        (replace(sound(), steps=[step(state="RUNNING", ended=None)]), "have not ended"),
        (replace(sound(), steps=[step(state="CANCELLED")]), "nobody asked to kill it"),
        (
            replace(sound(), document=document(*WAY, "FAILED"), told=["FAILED"]),
            "expected SUCCEEDED",
        ),
        (replace(sound(), document=document(*WAY)), "it has not ended"),
        (replace(sound(), document=document(finished=None)), "it has not ended"),
        (replace(sound(), document=document(finished=BEGIN)), "before its step"),
        (replace(sound(), document=document(step_id="s-2")), "the one that ran is s-1"),
        (
            replace(sound(), document=document(*WAY, "INIT", "SUCCEEDED")),
            "moved from RUNNING to INIT",
        ),
        (replace(sound(), document=document(status="FAILED"), told=["FAILED"]), "its history ends"),
        (replace(sound(), document=document(*WAY[1:], "SUCCEEDED")), "begins with RESOLVED"),
        (replace(sound(), told=[]), "told nothing"),
        (replace(sound(), told=["SUCCEEDED", "FAILED"]), "listeners were told"),
        (
            replace(failed(), document=document(*WAY, "FAILED", exit_code=1)),
            "exit code is 1, expected 7",
        ),
        (
            replace(killed(), document=document(*WAY, "FAILED"), told=["FAILED"]),
            "it is FAILED, expected KILLED",
        ),
        (killed(asked_after=2.5), "claimed 0.500 s after"),
        (killed_while_in_doubt(created_after=3.5), "claimed 0.500 s after"),
        (
            replace(sound(), kill_written=BEGIN.timestamp() + 4.5),
            "it is SUCCEEDED, expected KILLED",
        ),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_went_wrong_is_told(evidence: Evidence, problem: str) -> None:
    assert problem in "; ".join(judge(evidence))


def test_a_kill_that_came_after_the_end_may_change_nothing() -> None:
    assert judge(replace(sound(), kill_written=BEGIN.timestamp() + 5.5)) == []


def test_steps_that_stood_down_are_counted() -> None:
    assert (checker.doubled(stood_down()), checker.doubled(sound())) == (1, 0)


def test_a_step_of_nobody_is_told() -> None:
    found = checker.strangers([step(), replace(step("s-2"), name="other.1 x")], {"job-0"})
    assert found == ["step s-2 'other.1 x' belongs to no job"]


def test_the_ledger_and_the_marks_are_brought_together_by_job() -> None:
    row = {"cluster": "j-1", **{name: getattr(step(), name) for name in step().__slots__}}
    (found,) = gather(
        [sound().job],
        ledger=read_ledger([row]),
        marks="job-0 s-1\n",
        documents=[document()],
        kills={},
        events=[
            {"type": "JOB_STATUS_CHANGE", "details": {"jobId": "job-0", "toState": "RUNNING"}},
            {"type": "JOB_FINISHED", "details": {"jobId": "job-0", "toState": "SUCCEEDED"}},
        ],
    )
    assert found == replace(sound(), document=document())
