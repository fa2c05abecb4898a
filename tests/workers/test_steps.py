"""A job's step bears the job's name, and is found by it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tagfleet.models.job import Job
from tagfleet.workers.steps import step_name

texts = st.text(min_size=1, max_size=255)


def test_the_name_begins_with_id_and_attempt() -> None:
    assert step_name(Job(id="job-1", attempt=2, name="daily report")) == "job-1.2 daily_report"


@given(texts, texts)
def test_a_name_is_printable_and_fits_into_emrs_limit(job_id: str, name: str) -> None:
    found = step_name(Job(id=job_id, attempt=1, name=name))
    assert len(found) <= 256
    assert all(" " <= char <= "~" for char in found)


@given(texts, texts)
def test_two_jobs_never_share_a_name(one: str, other: str) -> None:
    names = {step_name(Job(id=job_id, attempt=1, name="x")) for job_id in {one, other}}
    assert len(names) == len({one, other})
