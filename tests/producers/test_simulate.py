"""`tagfleet rules simulate`, as a process, with files alone and on a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.models.samples import request_data

from tagfleet.models import catalog, jobs, rule_sets
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.schemas import load_job_request, load_resource
from tagfleet.models.states import JobStatus
from tagfleet.routing_rules.in_force import digest_of

CATALOG: dict[str, list[dict[str, Any]]] = {
    "commands": [
        {
            "id": "spark",
            "executable": "spark-submit",
            "tags": ["type:spark"],
            "clusterCriteria": [{"tags": ["type:yarn"]}],
        }
    ],
    "clusters": [
        {"id": "old", "tags": ["type:yarn", "sched:sla"]},
        {"id": "new", "tags": ["type:yarn", "sched:adhoc"]},
    ],
}
for _entry in (*CATALOG["commands"], *CATALOG["clusters"]):
    _entry |= {"name": _entry["id"], "user": "ops", "version": "1"}

RULES = """\
version: 1
queues: {sla: , rest: }
routes:
  - {name: sla, match: {cluster_tags: ["sched:sla"]}, queue: sla}
  - {name: all, queue: rest}
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a catalog, rules, and the requests of two jobs."""
    (tmp_path / "catalog.json").write_text(json.dumps(CATALOG))
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "jobs.jsonl").write_text(
        "\n".join(json.dumps(asked(number)) for number in ("j1", "j2"))
    )
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Runs the command in the folder, without a database."""

    def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "tagfleet", "rules", "simulate", *arguments],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                # Who asks for a database here gets none.
                "TAGFLEET_MONGODB_URL": "mongodb://127.0.0.1:1/none",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


OFFLINE = ("--jobs", "jobs.jsonl", "--catalog", "catalog.json", "--rules", "rules.yaml")


def asked(job_id: str, **fields: Any) -> dict[str, Any]:
    """A request for the clusters that keep the SLA."""
    return request_data(
        id=job_id,
        clusterCriterias=[{"tags": ["sched:sla"]}],
        commandCriteria=["type:spark"],
        **fields,
    )


def test_files_alone_need_no_database(run: Run) -> None:
    code, out, err = run(*OFFLINE)
    assert (code, err) == (0, "")
    assert "rules: the built-in ones" in out
    assert "on old; tag group" not in out
    assert "Nothing moves." in out


def test_a_condition_that_holds_is_an_exit_code_of_1(run: Run) -> None:
    # Given a change by which the jobs find nothing
    drained = (*OFFLINE, "--drain", "old", "--fail-on", "unroutable", "moved")
    # Then
    code, out, _ = run(*drained)
    assert code == 1
    assert out.splitlines()[-1] == "Failed (--fail-on): 2 unroutable."
    # and by one that moves them, it is another condition that holds
    move = (*OFFLINE, "--move-tags", "sched:sla=old:new")
    assert run(*move, "--fail-on", "unroutable")[0] == 0
    assert run(*move, "--fail-on", "unroutable", "--fail-on", "moved")[0] == 1


def test_data_and_pages_are_written_where_they_are_asked_for(run: Run, folder: Path) -> None:
    # When
    code, out, _ = run(*OFFLINE, "--output", "json")
    page = run(*OFFLINE, "--output", "html", "--to", "report.html", "--fail-on", "held")
    # Then
    assert (code, json.loads(out)["jobs"]) == (0, 2)
    assert page == (0, "", "Passed: no job is held.\n")
    assert (folder / "report.html").read_text().startswith("<!doctype html>")


def test_the_side_before_can_be_files_too(run: Run, folder: Path) -> None:
    # Given rules and a catalog as they were
    (folder / "were.yaml").write_text(RULES.replace("queue: sla}", "queue: rest}"))
    were = {**CATALOG, "clusters": [CATALOG["clusters"][0] | {"id": "older"}]}
    (folder / "were.json").write_text(json.dumps(were))
    # When
    code, out, err = run(
        *OFFLINE, "--against", "were.yaml", "--against-catalog", "were.json", "-o", "json"
    )
    # Then
    assert code == 0, err
    (movement,) = json.loads(out)["movements"]
    assert (movement["before"]["cluster"], movement["before"]["tagGroup"]) == ("older", "rest")
    assert (movement["after"]["cluster"], movement["after"]["tagGroup"]) == ("old", "sla")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rules", "absent.yaml"), "absent.yaml: no such file"),
        (("--jobs", "absent.json"), "absent.json: No such file"),
        (("--jobs", "rules.yaml"), "job 1"),
        (("--drain", "odl"), "did you mean 'old'?"),
        (("--fail-on", "everything"), "invalid choice"),
        (("--days", "0"), "above 0"),
        (("--to", "no/such/folder/file"), "No such file"),
        (("--rules", "rules.yaml", "--version", "1"), "not allowed with"),
        (("--at", "noon"), "invalid"),
    ],
)
def test_bad_input_is_an_exit_code_of_2(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = run("--jobs", "jobs.jsonl", "--catalog", "catalog.json", *arguments)
    assert (code, said in err) == (2, True), err


def test_a_database_that_is_away_is_an_exit_code_of_3(run: Run) -> None:
    code, _, err = run("--rules", "rules.yaml")
    assert (code, "TAGFLEET_MONGODB_URL" in err) == (3, True), err


@pytest.fixture
def past(mongodb: object, mongodb_url: str) -> str:
    """A database with rules in force, a catalog, and jobs of some days; gives its address."""
    catalog.apply([load_resource(kind, entry) for kind in CATALOG for entry in CATALOG[kind]])
    texts = {"rules.yaml": RULES.encode()}
    rule_sets.put_in_force(texts, digest_of(texts), applied_by="ana", note=None, replaces=0)
    for number, days in enumerate((0.1, 0.2, 3, 9)):
        request = load_job_request(asked(f"j{number}", commandArgs=["--password=hunter2"]))
        jobs.record(request, "sla", worker="w", ring_at=now(), queue_seconds=60)
        sent = now() - timedelta(days=days)
        Job.objects(id=request.id).update_one(
            set__created=sent,
            set__started=sent,
            set__finished=sent + timedelta(hours=2),
            set__status=JobStatus.SUCCEEDED,
        )
    jobs.record_invalid("bad", "no request", {"name": 5}, tag_group="sla", worker="w")
    return mongodb_url


def test_the_jobs_of_the_last_days_are_replayed_from_the_database(run: Run, past: str) -> None:
    # When what is in force is held against a change of the catalog
    moved = ("--move-tags", "sched:sla=old:new", "-o", "json")
    code, out, err = run(*moved, TAGFLEET_MONGODB_URL=past)
    # Then the jobs of seven days move, and the one that was refused is left out
    assert code == 0, err
    data = json.loads(out)
    assert (data["jobs"], data["skipped"], data["withoutRunTime"]) == (3, 1, 0)
    assert data["before"]["rules"] == data["after"]["rules"] == "version 1, in force"
    (movement,) = data["movements"]
    assert (movement["jobs"], movement["runHours"]) == (3, 6.0)
    assert movement["examples"] == ["j2", "j1", "j0"]  # as they were sent
    assert json.loads(run(*moved, "--days", "30", TAGFLEET_MONGODB_URL=past)[1])["jobs"] == 4


def test_versions_are_compared_with_each_other(run: Run, past: str, folder: Path) -> None:
    # Given a second version, by which all goes to the other group
    texts = {"rules.yaml": RULES.replace("queue: sla}", "queue: rest}").encode()}
    rule_sets.put_in_force(texts, digest_of(texts), applied_by="bo", note=None, replaces=1)
    # When the first one is tried out again
    code, out, err = run(
        "--version", "1", "--against", "2", "--all-by-rules", "-o", "json",
        TAGFLEET_MONGODB_URL=past,
    )  # fmt: skip
    # Then
    assert code == 0, err
    data = json.loads(out)
    assert (data["before"]["rules"], data["after"]["rules"]) == ("version 2", "version 1")
    (movement,) = data["movements"]
    assert (movement["before"]["tagGroup"], movement["after"]["tagGroup"]) == ("rest", "sla")
    # and a version that there is not is no version
    code, _, err = run("--version", "7", TAGFLEET_MONGODB_URL=past)
    assert (code, "There is no version 7" in err) == (2, True)


def test_saved_jobs_are_replayed_without_the_database(run: Run, past: str, folder: Path) -> None:
    # Given
    code, first, err = run("--save-jobs", "saved.jsonl", "-o", "json", TAGFLEET_MONGODB_URL=past)
    assert code == 0, err
    assert "hunter2" not in (folder / "saved.jsonl").read_text()
    # When
    code, again, err = run(
        "--jobs", "saved.jsonl", "--catalog", "catalog.json", "--rules", "rules.yaml",
        "--against", "rules.yaml", "-o", "json",
    )  # fmt: skip
    # Then all is the same but where it comes from
    assert code == 0, err
    names = ("jobs", "skipped", "from", "to", "outcomes", "clusters", "users", "tagGroups")
    one, other = json.loads(first), json.loads(again)
    assert {name: one[name] for name in names} == {name: other[name] for name in names}
