"""Files with past jobs: in which forms they may come, and in which order they are replayed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfleet.models.errors import InvalidInput
from tagfleet.models.schemas import load_job_request
from tagfleet.routing_rules.simulate import job_files
from tagfleet.routing_rules.simulate.job_files import jobs_of_file
from tagfleet.routing_rules.simulate.past_jobs import JobReader, PastJob, export_row

from ..rule_samples import NOON


def asked(job_id: str = "j", **fields: Any) -> dict[str, Any]:
    """A request in Genie's older form."""
    return {
        "id": job_id,
        "name": "n",
        "user": "ana",
        "version": "1",
        "commandArgs": ["-x"],
        "clusterCriterias": [{"tags": ["sla"]}],
        "commandCriteria": ["spark"],
        **fields,
    }


def exported(job_id: str, seconds: float) -> dict[str, Any]:
    """A job that came so many seconds after noon."""
    about = {"tagGroup": "q", "created": NOON + timedelta(seconds=seconds), "started": None}
    return export_row(asked(job_id), about)


def jobs_in(folder: Path, text: str) -> list[PastJob | None]:
    file = folder / "jobs.json"
    file.write_text(text, encoding="utf-8")
    return list(jobs_of_file(file))


def ids_in(folder: Path, text: str) -> list[str]:
    return [job.request.id for job in jobs_in(folder, text) if job]


@pytest.mark.parametrize(
    "written",
    [
        lambda rows: "\n".join(map(json.dumps, rows)),
        lambda rows: "\n\n".join(map(json.dumps, rows)) + "\n",
        json.dumps,
        lambda rows: json.dumps(rows, indent=2),
        lambda rows: "\n".join(json.dumps(row, indent=1) for row in rows),
        lambda rows: f"\ufeff{json.dumps(rows)}\n",
        lambda rows: json.dumps(rows[:1]) + json.dumps(rows[1:]),
    ],
)
@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_jobs_come_one_after_the_other_or_in_an_array(
    tmp_path: Path, written: Any, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a file that is read in small pieces, or at once
    monkeypatch.setattr(job_files, "_CHUNK", chunk)
    rows = [asked(f"j{number}", tags=["é"]) for number in range(4)]
    # Then
    assert ids_in(tmp_path, written(rows)) == ["j0", "j1", "j2", "j3"]


def test_an_empty_file_has_no_jobs(tmp_path: Path) -> None:
    assert jobs_in(tmp_path, "") == jobs_in(tmp_path, " [ ] \n") == []


def test_jobs_are_replayed_in_the_order_of_their_times(tmp_path: Path) -> None:
    # Given the newest first, as they are listed, and a request that was never sent
    rows = [exported("c", 3), exported("b", 2.5), asked("never"), exported("a", 1)]
    assert ids_in(tmp_path, json.dumps(rows)) == ["never", "a", "b", "c"]


def test_a_job_as_it_is_listed_is_read(tmp_path: Path) -> None:
    # Given
    shown = {
        **{
            key: value for key, value in asked("j").items() if not key.endswith(("terias", "teria"))
        },
        "clusterCriteria": [{"tags": ["sla"]}],
        "commandCriterion": {"tags": ["spark"]},
        "tags": ["t", "genie.id:j", "genie.name:n"],
        "tagGroup": "q",
        "status": "SUCCEEDED",
        "statusMsg": "Done.",
        "created": "2026-11-25T12:00:00.000Z",
        "started": "2026-11-25T12:00:05.000Z",
        "finished": "2026-11-25T12:01:35.500Z",
        "applications": ["spark-3.5"],
        "rules": {"digest": "abc", "names": []},
    }
    # When
    (job,) = jobs_in(tmp_path, json.dumps([shown]))
    # Then
    assert job is not None
    assert (job.tag_group, job.created, job.run_seconds) == ("q", NOON, 90.5)
    assert (job.request.tags, job.rules_digest) == (frozenset({"t"}), "abc")
    # and the applications are those of its command, not asked for
    assert job.request.applications == ()


def test_a_job_that_was_refused_is_passed_over(tmp_path: Path) -> None:
    text = json.dumps([{"id": "x", "status": "INVALID"}, asked()])
    assert [job and job.request.id for job in jobs_in(tmp_path, text)] == [None, "j"]


def test_requests_without_ids_have_the_same_ones_each_time(tmp_path: Path) -> None:
    row = {key: value for key, value in asked().items() if key != "id"}
    first, again = (ids_in(tmp_path, json.dumps([row, row])) for _ in range(2))
    assert first == again
    assert len(set(first)) == 2


def test_what_is_saved_has_no_arguments_and_no_environment() -> None:
    # Given
    row = export_row(asked(environment={"SECRET": "hunter2"}, commandArgs=["--key=k"]), {})
    # Then
    assert "hunter2" not in json.dumps(row)
    assert "--key" not in json.dumps(row)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "job 1: "),
        ("[{}", "the array has no end"),
        ("[1]", "job 1: expected an object, found int"),
        ('{"a": NaN}', "NaN is not JSON"),
        (json.dumps(asked()) + "\n{]", "job 2: "),
        (json.dumps(asked(clusterCriteriass=[])), "clusterCriteriass: unknown field, did you mean"),
        (json.dumps({"request": 1}), "request: expected an object"),
        (json.dumps({"request": asked(), "created": "noon"}), "created: expected a time"),
        (json.dumps({"request": asked(), "started": 5}), "started: expected a time"),
        (json.dumps({"id": "j", "status": "RUNNING"}), "--save-jobs"),
        ("[" * 100_000, "job 1: "),
    ],
)
def test_what_is_no_job_is_refused_with_its_number(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        jobs_in(tmp_path, text)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["absent.json", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="jobs: "):
        list(jobs_of_file(tmp_path / name))


#: Texts as users write them, and as they should not.
TEXTS = st.text(max_size=6) | st.sampled_from(["", " ", "a" * 256, "\x00", "genie.id:x", "é"])


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "id": TEXTS,
                "name": TEXTS | st.integers(),
                "user": TEXTS,
                "group": TEXTS,
                "grouping": st.none() | TEXTS,
                "tags": st.lists(TEXTS, max_size=3) | st.just("x"),
                "priority": st.integers(-1, 10),
                "commandCriteria": st.just(["hive"]),
            },
        ),
        max_size=4,
    )
)
@settings(max_examples=100)
def test_the_quick_way_reads_what_the_schema_reads(rows: list[dict[str, Any]]) -> None:
    # Given a reader that has seen plain requests already
    reader = JobReader()
    reader.request(asked("first"), "x")
    for given_fields in rows:
        row = (
            asked(**{"id": "j", **given_fields})
            if "id" not in given_fields
            else asked() | given_fields
        )
        # When the schema, and the reader, are asked
        try:
            expected = load_job_request(row)
        except InvalidInput:
            with pytest.raises(InvalidInput):
                reader.request(row, "j")
            continue
        found = reader.request(row, "j")
        # Then they agree in all on which a decision depends
        for part in (
            "id",
            "name",
            "user",
            "group",
            "grouping",
            "tags",
            "priority",
            "cluster_criteria",
            "command_criterion",
            "applications",
        ):
            assert getattr(found, part) == getattr(expected, part), part
