"""The embedded fleet, driven as a user drives it: the command line, and boto3."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .fleet_process import PATIENCE_SECONDS, FleetProcess, bash_job, catalog


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetProcess]:
    started = FleetProcess(tmp_path_factory.mktemp("fleet")).start()
    try:
        started.run(
            "catalog", "apply", "-f", started.write("catalog.json", catalog(started.cluster()))
        )
        yield started
    finally:
        started.stop()


def submit(fleet: FleetProcess, **changes: object) -> str:
    return fleet.run(
        "job", "submit", "-f", fleet.write("job.json", bash_job(**changes))
    ).stdout.strip()  # type: ignore[arg-type]


def test_a_job_runs_and_its_output_is_in_the_archive(fleet: FleetProcess) -> None:
    # Given a job that prints a line
    job_id = submit(fleet, script="echo hello; echo careful >&2")
    # When it has ended
    fleet.run("job", "wait", job_id)
    # Then
    assert fleet.run("job", "logs", job_id).stdout == "hello\n"
    assert fleet.run("job", "logs", job_id, "--stream", "stderr").stdout == "careful\n"
    job = fleet.read("job", "get", job_id)
    assert (job["status"], job["exitCode"], job["clusterId"]) == ("SUCCEEDED", 0, "main")
    seen = [entry["status"] for entry in job["history"]]
    assert seen[:5] == ["RESERVED", "RESOLVED", "ACCEPTED", "CLAIMED", "INIT"]
    assert [
        step["Id"] for step in fleet.steps(_emr_id(fleet)) if step["Name"].startswith(job_id)
    ] == [job["stepId"]]


def test_a_failed_job_says_its_probable_cause_and_the_end_of_stderr(fleet: FleetProcess) -> None:
    request = fleet.write("fail.json", bash_job("echo working; no-such-program"))
    done = fleet.run("job", "submit", "--wait", "-f", request, expect=1)
    assert "Probable cause: bash: line 1: no-such-program: command not found" in done.stderr
    assert fleet.read("job", "get", done.stdout.strip())["exitCode"] == 127


def test_a_job_that_matches_nothing_fails_with_the_nearest_miss(fleet: FleetProcess) -> None:
    job_id = submit(fleet, script="true", clusterCriterias=[{"tags": ["type:presto"]}])
    fleet.run("job", "wait", job_id, expect=1)
    explained = fleet.run("job", "explain", job_id).stdout
    assert "type:presto" in explained
    assert fleet.read("job", "get", job_id)["statusMsg"].startswith(
        "No clusters available to run any candidate command on"
    )


def test_a_running_job_is_killed_on_its_cluster(fleet: FleetProcess) -> None:
    # Given a job that runs
    job_id = submit(fleet, script="sleep 600")
    _wait_for(fleet, job_id, "RUNNING")
    # When
    fleet.run("job", "kill", job_id, "--reason", "typo")
    # Then
    fleet.run("job", "wait", job_id, expect=1)
    job = fleet.read("job", "get", job_id)
    assert (job["status"], job["statusMsg"]) == ("KILLED", "Killed: typo")


def test_a_job_that_runs_out_of_time_is_stopped(fleet: FleetProcess) -> None:
    job_id = submit(fleet, script="sleep 600", timeout=1)
    fleet.run("job", "wait", job_id, expect=1)
    assert "timeout of 1 s" in fleet.read("job", "get", job_id)["statusMsg"]


def test_the_same_request_again_is_the_same_job_and_another_body_is_refused(
    fleet: FleetProcess,
) -> None:
    submit(fleet, script="true", id="twice")
    submit(fleet, script="true", id="twice")
    done = fleet.run(
        "job", "submit", "-f", fleet.write("job.json", bash_job("false", id="twice")), expect=1
    )
    assert "'twice' exists already, with another body" in done.stderr
    fleet.run("job", "wait", "twice")
    assert (
        len([step for step in fleet.steps(_emr_id(fleet)) if step["Name"].startswith("twice.")])
        == 1
    )


def test_a_job_with_its_own_environment_runs_by_the_run_script(fleet: FleetProcess) -> None:
    script = 'echo "$GREETING $GENIE_JOB_NAME $GENIE_CLUSTER_TAGS"'
    job_id = submit(fleet, script=script, environment={"GREETING": "it's $HOME"})
    fleet.run("job", "wait", job_id)
    assert "it's $HOME line type:yarn\n" in fleet.run("job", "logs", job_id).stdout


def test_a_missing_dependency_fails_the_job_before_anything_reaches_the_cluster(
    fleet: FleetProcess,
) -> None:
    job_id = submit(fleet, script="true", dependencies=["s3://tagfleet/nope.jar"])
    fleet.run("job", "wait", job_id, expect=1)
    job = fleet.read("job", "get", job_id)
    assert "s3://tagfleet/nope.jar" in job["statusMsg"]
    assert "stepId" not in job


def test_jobs_are_listed_newest_first_as_json(fleet: FleetProcess) -> None:
    first, second = (
        submit(fleet, script="true", user="lister"),
        submit(fleet, script="true", user="lister"),
    )
    assert [job["id"] for job in fleet.read("job", "list", "--user", "lister")] == [second, first]


def test_the_catalog_is_exported_as_it_can_be_applied_again(fleet: FleetProcess) -> None:
    exported = fleet.run("catalog", "export", "-o", "json").stdout
    path = fleet.write("exported.json", json.loads(exported))
    assert set(fleet.run("catalog", "apply", "-f", path).stdout.split()[::3]) == {"unchanged"}


def test_the_addresses_are_readable_by_their_owner_alone(fleet: FleetProcess) -> None:
    assert stat.S_IMODE((fleet.data / "endpoints.json").stat().st_mode) == 0o600
    assert {"mongodb", "emr", "s3", "metrics"} <= set(fleet.addresses)


def test_a_second_fleet_on_the_same_data_is_refused(fleet: FleetProcess) -> None:
    done = fleet.run("up", expect=3)
    assert "another tagfleet uses it" in done.stderr


def test_unknown_ids_and_bad_files_are_told_with_their_exit_codes(fleet: FleetProcess) -> None:
    assert "no job with the id 'nope'" in fleet.run("job", "get", "nope", expect=1).stderr
    bad = fleet.write("bad.json", {"name": "x", "commandCriterias": ["a"]})
    assert (
        "did you mean 'commandCriteria'" in fleet.run("job", "submit", "-f", bad, expect=2).stderr
    )


def test_killed_in_the_middle_and_started_again_every_accepted_job_ends_once(
    tmp_path: Path,
) -> None:
    # Given a fleet with jobs in every state, each leaving a line when it runs
    fleet = FleetProcess(tmp_path / "data").start()
    marks = tmp_path / "marks"
    cluster_id = fleet.cluster()
    fleet.run("catalog", "apply", "-f", fleet.write("catalog.json", catalog(cluster_id)))
    ids = []
    for number in range(6):
        script = f"echo {number} >> {marks}; sleep 1"
        ids.append(submit(fleet, script=script, id=f"job-{number}"))
    _wait_for(fleet, ids[0], "RUNNING", "SUCCEEDED")
    # When everything is killed and started again
    fleet.kill()
    fleet.start()
    try:
        # Then each job ends, and none ran twice
        ends = {}
        for job_id in ids:
            fleet.run("job", "wait", job_id, expect=None)
            ends[job_id] = fleet.read("job", "get", job_id)["status"]
        ran = Counter(marks.read_text().split())
        assert set(ran.values()) == {1}
        assert set(ends.values()) <= {"SUCCEEDED", "FAILED"}
        for number, job_id in enumerate(ids):
            assert ends[job_id] != "SUCCEEDED" or ran[str(number)] == 1
        names = Counter(step["Name"].split()[0] for step in fleet.steps(cluster_id))
        assert names == {f"{job_id}.1": 1 for job_id in ids}
    finally:
        fleet.stop()


def test_a_fleet_that_is_told_to_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    fleet = FleetProcess(tmp_path / "data").start()
    assert fleet.stop() == 0
    assert not (fleet.data / "endpoints.json").exists()


def test_a_fleet_whose_database_dies_ends_too_and_says_so(tmp_path: Path) -> None:
    # Given
    fleet = FleetProcess(tmp_path / "data").start()
    # When its database is killed
    port = fleet.addresses["mongodb"].split(":")[2].split("/")[0]
    assert (
        subprocess.run(["pkill", "-9", "-f", "--", f"--port {port}"], check=False).returncode == 0
    )
    # Then it does not stay behind half dead
    assert fleet.process
    assert fleet.process.wait(PATIENCE_SECONDS) == 3
    assert "The embedded database" in fleet.log()


def _emr_id(fleet: FleetProcess) -> str:
    return str(fleet.read("catalog", "get", "clusters", "main")["engine"]["clusterId"])


def _wait_for(fleet: FleetProcess, job_id: str, *statuses: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while fleet.read("job", "get", job_id)["status"] not in statuses:
        assert time.monotonic() < end, fleet.log()
        time.sleep(0.1)
