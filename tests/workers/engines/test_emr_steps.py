"""EMR's steps through boto3: within the quota, and sure of what was sent and what was not."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models.aws import AwsClients
from tagfleet.models.processes import free_port
from tagfleet.models.quota import DOCUMENTED, Quota
from tagfleet.models.resources import Engine
from tagfleet.workers.engines.base import (
    Deadline,
    OutcomeUnknown,
    StepSpec,
    StepsRefused,
    StepState,
    Throttled,
    Unanswered,
)
from tagfleet.workers.engines.emr_steps import EmrSteps
from tagfleet.workers.engines.governor import Governor, SharedGovernor, Ungoverned

from ...emr_fixtures import Emr

ROLE = "arn:aws:iam::123456789012:role/fleet"
#: Further away than the whole suite takes.
SOON = Deadline.of(86_400)


def a_step(name: str = "job-1.1") -> StepSpec:
    """A step that takes no time."""
    return StepSpec(name=name, jar="command-runner.jar", arguments=("true",))


def an_engine(emr: Emr, **changes: Any) -> Engine:
    """A new cluster."""
    return Engine(**{"cluster_id": emr.cluster(), "region": "us-east-1", **changes})


def steps_of(emr: Emr, governor: Governor | None = None) -> EmrSteps:
    """EMR as a worker has it."""
    return EmrSteps(emr.clients, governor or Ungoverned())


@pytest.fixture
def throttled(emr: Emr) -> Iterator[Emr]:
    """An EMR that enforces the documented quotas."""
    emr.ask("POST", "throttle", {"enforced": True})
    yield emr
    emr.ask("POST", "throttle", {"enforced": False})


def rush(steps: EmrSteps, engine: Engine) -> tuple[int, int, int]:
    """Ask much more than the quota allows, at once: how much was answered, throttled, held back."""

    def ask(number: int) -> str:
        try:
            if number % 3 == 0:
                steps.admit(engine)
                steps.submit(engine, [a_step(f"job-{number}.1")], SOON)
            elif number % 3 == 1:
                next(steps.reports(engine), None)
            else:
                steps.cancel(engine, ["s-1"], hard=False)
        except Throttled as error:
            return "throttled" if error.__cause__ else "held back"
        return "answered"

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(90)))
    return found.count("answered"), found.count("throttled"), found.count("held back")


def test_a_rush_of_calls_is_never_throttled_by_emr(mongodb: object, throttled: Emr) -> None:
    # Given
    engine = an_engine(throttled)
    # When much more is asked than the quota allows
    answered, refused, held_back = rush(steps_of(throttled, SharedGovernor(DOCUMENTED)), engine)
    # Then EMR sees no call too many, and what it would have taken was made use of
    assert refused == 0
    assert answered >= 14
    assert held_back > 40


def test_without_the_governor_the_same_rush_is_throttled(throttled: Emr) -> None:
    _, refused, held_back = rush(steps_of(throttled), an_engine(throttled))
    assert refused > 40
    assert held_back == 0


def test_a_throttle_by_emr_itself_holds_back_every_worker(mongodb: object, emr: Emr) -> None:
    # Given two workers, and somebody else who uses up the account's quota
    one, other = (steps_of(emr, SharedGovernor(DOCUMENTED)) for _ in range(2))
    engine = an_engine(emr)
    emr.fault("AddJobFlowSteps", "throttle")
    one.admit(engine)
    # When one of the workers is throttled
    with pytest.raises(Throttled) as raised:
        one.submit(engine, [a_step()], SOON)
    emr.calls()
    # Then it knows when to come again, and the other does not even ask
    assert 1 < raised.value.wait < 4
    with pytest.raises(Throttled):
        other.admit(engine)
    assert emr.calls() == {}


def test_a_submission_takes_its_call_of_the_quota_before_the_jobs_are_claimed(
    mongodb: object, emr: Emr
) -> None:
    # Given a quota with room for one call, which is taken before the jobs are claimed
    quotas = {**DOCUMENTED, "AddJobFlowSteps": Quota(1, 0.001)}
    steps, engine = steps_of(emr, SharedGovernor(quotas)), an_engine(emr)
    steps.admit(engine)
    # When the call is made
    assert steps.submit(engine, [a_step()], SOON)
    # Then it was the only one
    with pytest.raises(Throttled):
        steps.admit(engine)


def test_a_listing_waits_for_its_further_pages(mongodb: object, emr: Emr) -> None:
    # Given a cluster with three pages of steps, and a quota for one page at once
    engine = an_engine(emr)
    names = [f"job-{number}.1" for number in range(101)]
    steps_of(emr).submit(engine, [a_step(name) for name in names], SOON)
    now, slept = [time.time()], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    quotas = {**DOCUMENTED, "ListSteps": Quota(1, 0.5)}
    governor = SharedGovernor(quotas, clock=lambda: now[0], sleep=sleep)
    # When it is listed
    found = list(steps_of(emr, governor).reports(engine))
    # Then nothing of it is lost, and the next listing has to wait its turn
    assert [report.name for report in found] == names[::-1]
    assert [round(seconds, 1) for seconds in slept] == [2.1, 2.1]
    next(steps_of(emr, governor).reports(engine))
    assert len(slept) == 3


def test_what_is_held_up_until_its_deadline_is_not_sent(emr: Emr) -> None:
    # Given a signing that takes too long, as when STS does not answer, or the process was stopped
    engine, deadline, steps = an_engine(emr), Deadline.of(0.2), steps_of(emr)
    client = emr.clients.emr("us-east-1")

    def sign_slowly(**_: object) -> None:
        while not deadline.passed:
            threading.Event().wait(0.01)

    client.meta.events.register("before-sign.emr.AddJobFlowSteps", sign_slowly)
    emr.calls()
    # When
    with pytest.raises(Unanswered, match="nothing was sent"):
        steps.submit(engine, [a_step()], deadline)
    # Then nothing was; and a call in time is not in the way of it
    assert emr.calls() == {}
    assert len(steps.submit(engine, [a_step()], SOON)) == 1


@pytest.mark.parametrize(
    "deadline", [Deadline(monotonic=math.inf, wall=0), Deadline(monotonic=0, wall=math.inf)]
)
def test_a_deadline_has_passed_by_either_clock(emr: Emr, deadline: Deadline) -> None:
    assert deadline.passed
    with pytest.raises(Unanswered):
        steps_of(emr).submit(an_engine(emr), [a_step()], deadline)


def test_each_thread_has_its_own_deadline(emr: Emr) -> None:
    # Given one client for all threads, and submissions of which every other one is late
    steps, engine, late = steps_of(emr), an_engine(emr), Deadline(monotonic=0, wall=0)

    def submit(number: int) -> bool:
        try:
            return bool(steps.submit(engine, [a_step()], late if number % 2 else SOON))
        except Unanswered:
            return False

    # When they are made at the same time
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(submit, range(40)))
    # Then those are sent that are not late
    assert sent == [True, False] * 20
    assert len(emr.steps(engine.cluster_id)) == 20


@pytest.mark.parametrize("mode", ["drop", "error500"])
def test_a_call_without_an_answer_is_in_doubt(emr: Emr, mode: str) -> None:
    engine = an_engine(emr)
    emr.fault("AddJobFlowSteps", mode)
    with pytest.raises(OutcomeUnknown):
        steps_of(emr).submit(engine, [a_step()], SOON)


def test_a_call_without_a_connection_was_not_sent(
    emr: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", f"http://127.0.0.1:{free_port()}")
    clients = AwsClients()
    with pytest.raises(Unanswered):
        EmrSteps(clients, Ungoverned()).submit(Engine(cluster_id="j-1"), [a_step()], SOON)


def test_a_role_that_cannot_be_assumed_leaves_nothing_in_doubt(
    emr: Emr, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an STS that is away
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{free_port()}")
    engine = an_engine(emr, role_arn=ROLE)
    emr.calls()
    # When steps are added as the role
    with pytest.raises(Unanswered, match="was not sent"):
        steps_of(emr).submit(engine, [a_step()], SOON)
    # Then EMR was not called
    assert emr.calls() == {}


@pytest.mark.parametrize("region", [None, "not a region"])
def test_a_cluster_without_a_usable_region_leaves_its_jobs_waiting(
    region: str | None, emr: Emr, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given no region anywhere
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    steps, engine = EmrSteps(AwsClients(), Ungoverned()), Engine(cluster_id="j-1", region=region)
    # When the cluster is asked for anything
    expected = "not a region" if region else "AWS_REGION"
    with pytest.raises(Unanswered, match=expected):
        steps.submit(engine, [a_step()], SOON)
    with pytest.raises(Unanswered, match=expected):
        next(steps.reports(engine))


def test_a_step_that_cannot_be_written_is_refused(emr: Emr) -> None:
    wrong: Any = StepSpec(name="x", jar="y", arguments=(1,))  # type: ignore[arg-type]
    with pytest.raises(StepsRefused):
        steps_of(emr).submit(an_engine(emr), [wrong], SOON)


def test_steps_are_cancelled_although_one_is_no_longer_shown(emr: Emr) -> None:
    # Given steps that wait, and one that EMR has forgotten
    steps, engine = steps_of(emr), an_engine(emr)
    long = StepSpec(name="long", jar="command-runner.jar", arguments=("sleep", "600"))
    ids = steps.submit(engine, [long] * 3, SOON)
    # When all are to be cancelled
    refused = steps.cancel(engine, [ids[0], "s-GONE", *ids[1:]], hard=True)
    # Then the one is named, and the others end
    assert refused.keys() == {"s-GONE"}
    for step_id in ids:
        emr.wait(engine.cluster_id, step_id, "CANCELLED")


def test_of_a_cluster_that_is_not_shown_no_step_is(emr: Emr) -> None:
    gone = Engine(cluster_id="j-NONE", region="us-east-1")
    emr.calls()
    assert steps_of(emr).reports_of(gone, ["s-1", "s-2", "s-3"]) == []
    assert emr.calls() == {"ListSteps": 1}


def test_steps_are_found_although_one_is_no_longer_shown(emr: Emr) -> None:
    # Given nine steps, and one that EMR has forgotten
    steps, engine = steps_of(emr), an_engine(emr)
    ids = steps.submit(engine, [a_step(f"job-{number}.1") for number in range(9)], SOON)
    emr.calls()
    # When all ten are looked up
    found = steps.reports_of(engine, [*ids[:4], "s-GONE", *ids[4:]])
    # Then the nine are found, by few calls
    assert {report.step_id for report in found} == set(ids)
    assert emr.calls()["ListSteps"] <= 9
    assert {report.state for report in found} <= set(StepState) - {StepState.UNKNOWN}
