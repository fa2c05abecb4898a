"""What an event means for a job, whatever came before it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfleet.models.job import Job, KillRequest
from tagfleet.models.lifecycle import Move
from tagfleet.models.states import MOVES, JobStatus
from tagfleet.workers.emr_events.judge import Verdict, folded, judge
from tagfleet.workers.emr_events.parse import StepEvent

from .samples import START, a_job, a_step_event


def after(job: Job, event: StepEvent) -> JobStatus:
    found = judge(job, event)
    assert isinstance(found, Move)
    return found.after


@pytest.mark.parametrize("status", [JobStatus.CLAIMED, JobStatus.INIT])
def test_a_step_that_starts_takes_its_job_along(status: JobStatus) -> None:
    found = judge(a_job(status), a_step_event("RUNNING"))
    assert isinstance(found, Move)
    assert (found.after, found.also["started"]) == (JobStatus.RUNNING, START)


def test_a_submission_in_doubt_is_adopted_by_its_own_claim() -> None:
    found = judge(a_job(JobStatus.CLAIMED), a_step_event("PENDING", "s-9"))
    assert isinstance(found, Move)
    assert (found.after, found.also["step_id"]) == (JobStatus.INIT, "s-9")
    assert found.where == {"attempt": 1, "step_id": None, "epoch": 3, "claimed": START}


def test_an_end_may_be_the_first_thing_that_is_heard_of_a_step() -> None:
    assert after(a_job(JobStatus.CLAIMED), a_step_event("COMPLETED")) is JobStatus.SUCCEEDED


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "CANCEL_PENDING"])
def test_a_job_that_runs_does_not_go_back(state: str) -> None:
    assert judge(a_job(JobStatus.RUNNING), a_step_event(state)) is Verdict.STALE


@pytest.mark.parametrize(
    "status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.KILLED, JobStatus.INVALID]
)
@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"])
def test_a_job_that_has_ended_stays_as_it_ended(status: JobStatus, state: str) -> None:
    assert judge(a_job(status), a_step_event(state)) is Verdict.STALE


def test_a_step_of_nobodys_is_nobodys() -> None:
    assert judge(None, a_step_event("RUNNING")) is Verdict.UNKNOWN


def test_a_step_of_another_cluster_is_not_the_jobs() -> None:
    event = a_step_event("RUNNING", clusterId="j-OTHER")
    assert judge(a_job(JobStatus.INIT), event) is Verdict.UNKNOWN


@pytest.mark.parametrize("status", [JobStatus.ACCEPTED, JobStatus.INIT, JobStatus.RUNNING])
def test_a_further_step_of_the_jobs_name_is_left_to_a_sweep(status: JobStatus) -> None:
    assert judge(a_job(status), a_step_event("COMPLETED", "s-2")) is Verdict.LEFT


def test_the_end_of_a_killed_step_is_left_to_a_sweep_which_sees_what_it_leaves_behind() -> None:
    job = a_job(JobStatus.RUNNING, kill=KillRequest(reason="typo", time=START))
    assert judge(job, a_step_event("CANCELLED")) is Verdict.LEFT


def test_of_a_step_that_started_and_ended_the_start_is_not_lost() -> None:
    # Given both in one batch, in the wrong order
    [event] = folded([a_step_event("COMPLETED"), a_step_event("RUNNING")])
    # Then both are known
    found = judge(a_job(JobStatus.INIT), event)
    assert isinstance(found, Move)
    assert (found.after, found.also["started"]) == (JobStatus.SUCCEEDED, START)


LIFE = ["PENDING", "RUNNING", "CANCEL_PENDING"]
ENDS = {"COMPLETED": JobStatus.SUCCEEDED, "FAILED": JobStatus.FAILED, "CANCELLED": JobStatus.FAILED}


def batches(states: Sequence[str], cuts: Sequence[int]) -> list[list[StepEvent]]:
    """The events of the states in this order, cut into batches."""
    edges = [0, *sorted(cut % (len(states) + 1) for cut in cuts), len(states)]
    return [
        [a_step_event(state) for state in states[begin:end]]
        for begin, end in zip(edges, edges[1:], strict=False)
    ]


@given(
    st.sampled_from(sorted(ENDS)),
    st.sampled_from([JobStatus.CLAIMED, JobStatus.INIT]),
    st.lists(st.integers(0, 50), max_size=5),
    st.data(),
)
def test_in_whatever_order_batches_and_numbers_events_come_the_job_ends_as_its_step_did(
    end: str, begin: JobStatus, cuts: list[int], data: st.DataObject
) -> None:
    # Given the events of a step: some lost, some doubled, all shuffled, its end among them
    kept = data.draw(st.lists(st.sampled_from([*LIFE, end]), max_size=12))
    states = data.draw(st.permutations([*kept, end]))
    job = a_job(begin)
    # When they come in batches
    for batch in batches(states, cuts):
        for event in folded(batch):
            found = judge(job, event)
            if isinstance(found, Move):
                # Then each move is one that the table allows, from where the job is
                assert found.before is job.status
                assert found.after in MOVES[job.status]
                job.status, job.step_id = found.after, found.also["step_id"]
    # And the end is the step's
    assert job.status is ENDS[end]
    assert job.step_id == "s-1"


@given(st.permutations([*LIFE, *LIFE]))
def test_as_long_as_no_end_is_told_the_job_goes_as_far_as_it_was_told(states: list[str]) -> None:
    job = a_job(JobStatus.CLAIMED)
    for state in states:
        found = judge(job, a_step_event(state))
        if isinstance(found, Move):
            job.status, job.step_id = found.after, found.also["step_id"]
    assert job.status is JobStatus.RUNNING
