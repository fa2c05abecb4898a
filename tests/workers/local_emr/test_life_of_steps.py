"""How steps of the local EMR begin, are cancelled, end and are found afterwards."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ...emr_fixtures import Emr
from .server import bash, simulated, wait_for_step, wait_for_the_end

ENDED = ("COMPLETED", "FAILED", "CANCELLED")


class Life:
    """One cluster, and what is done to it."""

    def __init__(self, emr: Emr, concurrency: int) -> None:
        self.client: Any = emr.clients.emr()
        self.cluster = emr.cluster(concurrency)

    def add(self, *steps: dict[str, Any]) -> list[str]:
        """Add steps; their ids."""
        answer = self.client.add_job_flow_steps(JobFlowId=self.cluster, Steps=list(steps))
        return list(answer["StepIds"])

    def wait(self, step: str, *states: str) -> dict[str, Any]:
        """Wait for a step."""
        return wait_for_step(self.client, self.cluster, step, *(states or ENDED))

    def cancel(self, *steps: str, how: str = "SEND_INTERRUPT") -> list[dict[str, Any]]:
        """Cancel steps; what is said of each."""
        answer = self.client.cancel_steps(
            ClusterId=self.cluster, StepIds=list(steps), StepCancellationOption=how
        )
        return list(answer["CancelStepsInfoList"])

    def ids(self, **query: Any) -> list[str]:
        """The steps that a query finds, on one page."""
        found = self.client.list_steps(ClusterId=self.cluster, **query)["Steps"]
        return [step["Id"] for step in found]


@pytest.fixture
def life(emr: Emr) -> Life:
    return Life(emr, concurrency=2)


@pytest.fixture
def one_by_one(emr: Emr) -> Life:
    return Life(emr, concurrency=1)


def written(path: Path) -> str:
    """Wait until a step has written a line to a file; that line."""
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline, "the step wrote nothing"
        time.sleep(0.01)
    return path.read_text()


def test_steps_run_in_the_order_they_were_added(one_by_one: Life, tmp_path: Path) -> None:
    ids = one_by_one.add(*(bash(f"echo {n} >> {tmp_path}/order") for n in range(5)))
    one_by_one.wait(ids[-1], "COMPLETED")
    assert (tmp_path / "order").read_text().split() == ["0", "1", "2", "3", "4"]


def test_a_step_begins_after_the_one_before_it_has_ended(one_by_one: Life) -> None:
    first, second = (one_by_one.wait(step) for step in one_by_one.add(bash("true"), bash("true")))
    begun, ended = second["Status"]["Timeline"], first["Status"]["Timeline"]
    assert begun["StartDateTime"] >= ended["EndDateTime"]


def test_a_step_that_is_interrupted_may_tidy_up(life: Life, tmp_path: Path) -> None:
    tidy = f"trap 'echo tidy > {tmp_path}/tidy; exit 0' TERM; echo > {tmp_path}/ready"
    (step,) = life.add(bash(f"{tidy}; while true; do sleep 0.05; done"))
    written(tmp_path / "ready")
    life.cancel(step)
    assert life.wait(step)["Status"]["State"] == "CANCELLED"
    assert (tmp_path / "tidy").read_text() == "tidy\n"


def test_a_step_that_ignores_sigterm_is_killed_by_terminate_process(
    life: Life, tmp_path: Path
) -> None:
    (step,) = life.add(bash(f"trap '' TERM; echo $$ > {tmp_path}/id; while true; do sleep 1; done"))
    process = written(tmp_path / "id")
    life.cancel(step, how="TERMINATE_PROCESS")
    assert life.wait(step)["Status"]["State"] == "CANCELLED"
    wait_for_the_end(process)


@pytest.mark.parametrize("code", [0, 1])
def test_nothing_of_a_step_that_has_ended_is_left(life: Life, tmp_path: Path, code: int) -> None:
    script = f"trap '' TERM; sleep 600 & echo $! > {tmp_path}/child; exit {code}"
    (step,) = life.add(bash(script))
    life.wait(step)
    wait_for_the_end(written(tmp_path / "child"))


def test_each_step_has_an_empty_folder_of_its_own(life: Life) -> None:
    ids = life.add(*(bash('test -z "$(ls)" && test -z "$(ls $TMPDIR)" && touch a') for _ in "ab"))
    assert {life.wait(step)["Status"]["State"] for step in ids} == {"COMPLETED"}


def test_a_step_has_no_input_to_wait_for(life: Life) -> None:
    (step,) = life.add(bash("cat"))
    assert life.wait(step)["Status"]["State"] == "COMPLETED"


@pytest.mark.parametrize("step", [simulated(600), bash("sleep 600")], ids=["simulated", "process"])
@pytest.mark.parametrize("how", ["SEND_INTERRUPT", "TERMINATE_PROCESS"])
def test_a_running_step_is_cancelled(life: Life, step: dict[str, Any], how: str) -> None:
    (added,) = life.add(step)
    life.wait(added, "RUNNING")
    assert life.cancel(added, how=how) == [{"StepId": added, "Status": "SUBMITTED"}]
    found = life.wait(added)["Status"]
    assert found["State"] == "CANCELLED"
    assert "FailureDetails" not in found


def test_a_step_that_waits_for_a_place_on_the_machine_is_cancelled(
    emr: Emr, tmp_path: Path
) -> None:
    # Given more running steps than the machine takes at once
    life = Life(emr, concurrency=20)
    ids = life.add(*(bash(f"echo >> {tmp_path}/{number}; sleep 600") for number in range(20)))
    # When all are cancelled
    assert {info["Status"] for info in life.cancel(*ids, how="TERMINATE_PROCESS")} == {"SUBMITTED"}
    # Then
    assert {life.wait(step)["Status"]["State"] for step in ids} == {"CANCELLED"}


def test_a_step_that_has_ended_is_not_cancelled(life: Life) -> None:
    ended, running = life.add(simulated(), simulated(600))
    life.wait(ended, "COMPLETED")
    first, second = life.cancel(ended, running)
    assert (first["Status"], second["Status"]) == ("FAILED", "SUBMITTED")
    assert "COMPLETED" in first["Reason"]
    assert life.wait(ended)["Status"]["State"] == "COMPLETED"


def test_a_step_that_is_not_there_lets_none_be_cancelled(life: Life) -> None:
    (step,) = life.add(simulated(600))
    with pytest.raises(ClientError, match="Step id 's-NONE' is not valid"):
        life.cancel(step, "s-NONE")
    assert life.wait(step, "RUNNING")
    life.cancel(step)


@pytest.mark.parametrize(("code", "state"), [(0, "COMPLETED"), (3, "FAILED")])
def test_a_simulated_step_ends_as_it_was_told_to(life: Life, code: int, state: str) -> None:
    (step,) = life.add(simulated(0.1, code))
    found = life.wait(step)["Status"]
    assert found["State"] == state
    assert found["Timeline"]["EndDateTime"] > found["Timeline"]["StartDateTime"]


def test_a_simulated_step_that_cannot_be_understood_fails(life: Life) -> None:
    jar = {"Jar": "sim", "Args": ["sleep=long"]}
    (step,) = life.add({"Name": "x", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar})
    assert "long" in life.wait(step)["Status"]["FailureDetails"]["Message"]


def test_a_step_is_described_as_it_was_asked_for(life: Life) -> None:
    jar = {"Jar": "sim", "Args": ["sleep=0"], "Properties": [{"Key": "a", "Value": "b"}]}
    asked = {"Name": "näme", "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar}
    found = life.wait(life.add(asked)[0])
    assert (found["Name"], found["ActionOnFailure"]) == ("näme", "CONTINUE")
    assert found["Config"] == {"Jar": "sim", "Args": ["sleep=0"], "Properties": {"a": "b"}}


def test_steps_are_found_by_their_ids_and_by_their_states(one_by_one: Life) -> None:
    ids = one_by_one.add(simulated(), simulated(600), simulated())
    one_by_one.wait(ids[1], "RUNNING")
    assert one_by_one.ids(StepIds=[ids[0], ids[2]]) == [ids[0], ids[2]]
    assert one_by_one.ids(StepStates=["PENDING", "COMPLETED"]) == [ids[2], ids[0]]
    assert one_by_one.ids(StepStates=["CANCELLED"]) == []
    one_by_one.cancel(*ids[1:])


def test_steps_that_are_added_meanwhile_do_not_move_the_next_page(one_by_one: Life) -> None:
    first, *_ = one_by_one.add(simulated(600), *(simulated() for _ in range(50)))
    marker = one_by_one.client.list_steps(ClusterId=one_by_one.cluster)["Marker"]
    one_by_one.add(simulated())
    assert one_by_one.ids(Marker=marker) == [first]
    one_by_one.client.terminate_job_flows(JobFlowIds=[one_by_one.cluster])


def test_only_the_newest_thousand_steps_are_shown(emr: Emr) -> None:
    life = Life(emr, concurrency=256)
    ids: list[str] = []
    for _ in range(6):
        ids += life.add(*(simulated() for _ in range(200)))
        for step in ids[-200:]:
            life.wait(step)
    shown = [step["Id"] for step in emr.steps(life.cluster)]
    assert shown == ids[200:]
    with pytest.raises(ClientError, match=f"Step id '{ids[199]}' is not valid"):
        life.client.describe_step(ClusterId=life.cluster, StepId=ids[199])


def test_as_many_steps_as_emr_takes_are_taken_and_then_one_more_when_one_has_ended(
    one_by_one: Life,
) -> None:
    ids = one_by_one.add(*(simulated(600) for _ in range(256)))
    with pytest.raises(ClientError, match="Maximum number of active steps"):
        one_by_one.add(simulated())
    one_by_one.cancel(ids[-1])
    assert one_by_one.add(simulated())
    one_by_one.client.terminate_job_flows(JobFlowIds=[one_by_one.cluster])


def test_of_steps_of_which_one_is_refused_none_is_added(life: Life) -> None:
    with pytest.raises(ClientError, match="10240 characters"):
        life.add(simulated(), bash("x" * 10_240))
    assert life.ids() == []


@pytest.mark.parametrize("name", ["x" * 257, "half of a pair \ud800"])
def test_a_name_that_emr_does_not_take_is_refused_and_harms_nothing(life: Life, name: str) -> None:
    with pytest.raises(ClientError) as raised:
        life.add(bash("true", name))
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert life.wait(life.add(simulated())[0])["Status"]["State"] == "COMPLETED"


def test_as_many_characters_as_emr_takes_arrive(life: Life) -> None:
    jar, script = "command-runner.jar", 'test ${#1} -eq "$2"'
    length = 10_240 - len(jar) - len("bash-cx") - len(script) - 5
    words = ["bash", "-c", script, "x", "y" * length, f"{length:5}"]
    asked = {"Jar": jar, "Args": words}
    assert sum(map(len, [jar, *words])) == 10_240
    (step,) = life.add({"Name": "x", "ActionOnFailure": "CONTINUE", "HadoopJarStep": asked})
    assert life.wait(step)["Status"]["State"] == "COMPLETED"
