"""Every method of Genie's client that is about jobs, and its RunningJob, with jobs that really run."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
from pygenie import reattach_job
from pygenie.client import Genie
from pygenie.conf import GenieConf
from pygenie.exceptions import GenieJobNotFoundError, GenieLogNotFoundError, JobTimeoutError
from pygenie.jobs.core import GenieJob
from pygenie.jobs.running import RunningJob

from ...flow.fleet_process import FleetProcess, bash_job


def bash(conf: GenieConf, script: str, **attachments: str) -> GenieJob:
    """A job that runs a line of bash, with files of these names (`a__txt`: a.txt) beside it."""
    job = (
        GenieJob(conf)
        .job_name("a line")
        .command_tags("type:bash")
        .cluster_tags("type:bash")
        .command_arguments(f"'{script}'")
    )
    for name, content in attachments.items():
        job._add_dependency({"name": name.replace("__", "."), "data": content})
    return job


@pytest.fixture(scope="module")
def ended(fleet: FleetProcess) -> RunningJob:
    """A job with all that a request can say, which has ended well."""
    conf = GenieConf()
    conf.genie.url = fleet.addresses["http"]
    job = (
        bash(
            conf, "cat words.txt; echo careful >&2", words__txt="one\ntwo\n", spark__log="driver\n"
        )
        .genie_username("ana")
        .job_version("7")
        .description("says two words")
        .tags(["team:x", "nightly"])
        .genie_grouping("dag")
        .genie_grouping_instance("dag.1")
        .genie_cpu(2)
        .genie_memory(2048)
        .genie_timeout(3600)
        .genie_email("ana@example.org")
        .group("analysts")
        .metadata(source="test")
    )
    return job.execute().wait(sleep_seconds=0.2, suppress_stream=True)


def test_a_job_tells_all_of_itself(ended: RunningJob) -> None:
    assert ended.is_done
    assert ended.is_successful
    assert (ended.status, ended.job_name, ended.username) == ("SUCCEEDED", "a line", "ana")
    assert (ended.command_name, ended.cluster_name) == ("bash", "main")
    assert ended.cmd_args == ended.command_args == "'cat words.txt; echo careful >&2'"
    assert (ended.description, ended.metadata) == ("says two words", {"source": "test"})
    assert (ended.genie_grouping, ended.genie_grouping_instance) == ("dag", "dag.1")
    assert (ended.cpu, ended.memory) == (2, 2048)
    assert {"team:x", "nightly", f"genie.id:{ended.job_id}"} <= set(ended.tags)
    assert ended.file_dependencies == []
    assert {"tags": ["type:bash"]} in ended.request_data["clusterCriterias"]
    assert ended.command_data["name"] == "bash"
    assert "COMPLETED" in ended.status_msg


def test_a_job_tells_its_times(ended: RunningJob) -> None:
    assert 0 < ended.start_time <= ended.finish_time <= ended.update_time
    assert ended.duration == ended.finish_time - ended.start_time


def test_a_job_s_links_lead_to_it(ended: RunningJob, http: requests.Session) -> None:
    assert http.get(ended.json_link).json()["id"] == ended.job_id
    assert ended.kill_uri == ended.json_link
    assert ended.job_id in ended.job_link
    assert ended.job_id in ended.output_uri
    assert ended.info["job_link"] == ended.job_link
    assert ended.stdout_url.endswith("/stdout")


def test_a_job_s_output_is_read_whole_by_lines_and_in_parts(ended: RunningJob) -> None:
    assert ended.stdout() == "one\ntwo\n"
    assert list(ended.stdout(iterator=True)) == [b"one", b"two"]
    assert ended.stderr() == "careful\n"
    assert ended.stderr(iterator=True) == ["careful", ""]
    assert (ended.stdout_size, ended.stderr_size, ended.spark_log_size) == (8, 8, 7)
    assert ended.stdout_chunk(4) == "two\n"
    assert ended.stdout_chunk(2, offset=1) == "ne\n"
    assert ended.stderr_chunk(3) == "ul\n"
    assert ended.spark_log() == "driver\n"
    assert ended.spark_log_chunk(3, offset=0) == "driv"
    assert ended.get_log("words.txt") == "one\ntwo\n"
    assert list(ended.get_log("words.txt", iterator=True)) == [b"one", b"two"]
    # What EMR's own side has written stands where Genie's log stood.
    assert "INFO" in ended.genie_log()
    assert len(ended.genie_log(iterator=True)) > 1
    assert {each["name"] for each in ended.output_data["files"]} >= {"run", "stdout", "words.txt"}
    assert ended.init_failure_log() is None
    with pytest.raises(GenieLogNotFoundError):
        ended.get_log("no-such-file")


def test_the_client_gets_each_part_of_a_job(genie: Genie, ended: RunningJob) -> None:
    job_id = ended.job_id
    found = genie.get_job(job_id)
    assert (found.id, found.status, found.version) == (job_id, "SUCCEEDED", "7")
    assert genie.get_job_status(job_id) == {"status": "SUCCEEDED"}
    assert genie.get_job_cluster(job_id).id == "main"
    assert genie.get_job_command(job_id).id == "bash"
    assert genie.get_job_applications(job_id) == []
    execution = genie.get_job_execution(job_id)
    assert (execution.exitCode, execution.timeout, execution.memory) == (0, 3600, 2048)
    assert execution.stepId.startswith("s-")
    asked = genie.get_job_request(job_id)
    assert (asked["email"], asked["group"], asked["cpu"]) == ("ana@example.org", "analysts", 2)
    assert asked["commandCriteria"] == ["type:bash"]
    assert genie.get_job_output(job_id).parent is None
    for read in (
        genie.get_job,
        genie.get_job_cluster,
        genie.get_job_command,
        genie.get_job_execution,
        genie.get_job_output,
        genie.get_job_request,
        genie.get_job_status,
    ):
        assert read("no-such-job") is None
    assert genie.get_job_applications("no-such-job") == []
    # As its users do for what it has no method for.
    answer = genie.call(f"{genie.path_job}/{job_id}/status", method="GET")
    assert answer["response"] == {"status": "SUCCEEDED"}


def test_jobs_are_submitted_and_searched(genie: Genie) -> None:
    # Given jobs that bear a word of their own
    mark = f"m{uuid.uuid4().hex[:8]}"
    ids = [
        genie.submit_job(
            {
                **bash_job("true"),
                "id": f"{mark}-{number}",
                "name": f"{mark} {number}",
                "tags": [mark],
            }
            | {"commandCriteria": ["type:bash"], "clusterCriterias": [{"tags": ["type:bash"]}]}
            | {"grouping": mark, "groupingInstance": f"{mark}.{number}"}
        )
        for number in range(3)
    ]
    for job_id in ids:
        reattach_job(job_id, conf=genie.conf).wait(sleep_seconds=0.2, suppress_stream=True)

    def found(size: int = 1000, **filters: Any) -> list[str]:
        return sorted(job.id for job in genie.get_jobs(filters, req_size=size))

    # Then each parameter finds them, in pages, by patterns too
    assert found(size=2, name=f"{mark}%") == ids
    assert found(id=f"{mark}-_") == []
    assert found(id=f"%{mark}-1") == [ids[1]]
    assert found(tag=mark, status="SUCCEEDED", user="ana") == ids
    assert found(tag=[mark, f"genie.id:{ids[2]}"]) == [ids[2]]
    assert found(tag=mark, status=["FAILED", "KILLED"]) == []
    assert found(grouping=mark, groupingInstance="%.2") == [ids[2]]
    assert found(tag=mark, clusterName="ma%", clusterId="main", commandName="bash") == ids
    assert found(tag=mark, commandId="no") == []
    times = genie.get_job(ids[0])
    begin = int(RunningJob(ids[0], conf=genie.conf).start_time)
    assert times.started
    assert ids[0] in found(tag=mark, minStarted=begin, maxStarted=begin + 1000)
    assert found(tag=mark, maxFinished=begin) == []
    assert found(tag=mark, minFinished=begin) == ids


def test_a_running_job_is_followed_and_killed(conf: GenieConf, capsys: Any) -> None:
    # Given a job that runs until it is killed
    job = bash(conf, "echo begun >&2; sleep 600").execute()
    job.wait(sleep_seconds=0.1, until_running=True, suppress_stream=True)
    assert not job.is_done
    # Then its output is there to be read from the beginning
    assert job.stderr() == ""
    assert job.stdout() == ""
    assert job.duration < 0
    # When somebody watches it and it is killed
    watcher = threading.Thread(target=job.watch_stderr, kwargs={"interval": 0.2})
    watcher.start()
    assert RunningJob(job.job_id, conf=conf).kill().status_code == 202
    watcher.join(60)
    # Then it ends so, and the watcher has seen what it wrote
    job.update()
    assert job.status == "KILLED"
    assert not job.is_successful
    assert "begun" in capsys.readouterr().out


def test_waiting_gives_up_in_time_and_kills_if_it_is_told_to(conf: GenieConf) -> None:
    job = bash(conf, "sleep 600").execute()
    with pytest.raises(JobTimeoutError):
        job.wait(sleep_seconds=0.1, suppress_stream=True, job_timeout=0.3)
    job.wait(sleep_seconds=0.1, suppress_stream=True, job_timeout=0.3, kill_after_job_timeout=True)
    job.wait(sleep_seconds=0.2, suppress_stream=True)
    assert job.status == "KILLED"


def test_the_same_id_again_is_the_same_job(conf: GenieConf) -> None:
    # Given a job that has run
    first = bash(conf, "echo first").execute().wait(sleep_seconds=0.2, suppress_stream=True)
    # When another body comes under its id, and when the client asks for a retry
    other = bash(conf, "echo second").job_id(first.job_id)
    # Then the client is attached to the first one
    assert other.execute().stdout() == "first\n"
    assert bash(conf, "echo third").job_id(first.job_id).execute(retry=True).stdout() == "first\n"
    # And `force` makes a new one
    forced = bash(conf, "echo fourth").job_id(first.job_id).execute(force=True)
    assert forced.job_id == f"{first.job_id}-1"
    assert forced.wait(sleep_seconds=0.2, suppress_stream=True).stdout() == "fourth\n"


def test_a_job_that_never_reached_a_cluster_says_why(conf: GenieConf) -> None:
    job = bash(conf, "true").dependencies("s3://tagfleet/no-such-file").execute()
    job.wait(sleep_seconds=0.2, suppress_stream=True)
    assert job.status == "FAILED"
    assert "no-such-file" in job.init_failure_log()
    assert "no-such-file" in job.init_failure_log(iterator=True).__next__().decode()


def test_an_unknown_job_is_told_so(conf: GenieConf) -> None:
    with pytest.raises(GenieJobNotFoundError):
        reattach_job("no-such-job", conf=conf)


# The client leaves the files open that it sends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_folder_of_files_goes_along(conf: GenieConf, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "parts" / name).write_text(f"{name}\n")
    job = bash(conf, "cat a.txt b.txt").dependencies(str(tmp_path / "parts")).execute()
    job.wait(sleep_seconds=0.2, suppress_stream=True)
    assert job.stdout() == "a.txt\nb.txt\n"
