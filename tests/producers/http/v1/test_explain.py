"""Why a request would go where it goes, and why a job went where it went."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tagfleet.models import catalog
from tagfleet.models.job import Job
from tagfleet.models.jobs import record_invalid
from tagfleet.models.states import ClusterStatus

from ....models.samples import request_data
from ..test_submission import problem_of

Record = Callable[..., str]


def test_a_request_is_explained_and_not_submitted(client: FlaskClient) -> None:
    """Given a request that a cluster answers / then its way is told, and no job is there."""
    # when
    found = client.post("/api/v1/explain", json=request_data()).json

    # then
    assert (found["outcome"], found["command"], found["cluster"]) == ("routed", "spark", "main")
    assert found["tagGroup"] == "default"
    assert "Command spark on cluster main" in found["text"]
    assert found["rationale"]
    assert Job.objects.count() == 0


def test_a_request_that_nothing_answers_is_told_the_nearest_miss(client: FlaskClient) -> None:
    """Given a tag that no cluster has / then the explanation names the tag."""
    asked = request_data(clusterCriterias=[{"tags": ["type:yarn", "sched:sla"]}])

    # when
    found = client.post("/api/v1/explain", json=asked)

    # then
    assert found.status_code == 200
    assert found.json["outcome"] == "no_cluster"
    assert "sched:sla" in found.json["text"]


def test_a_drained_cluster_is_named_as_the_reason(client: FlaskClient) -> None:
    """Given the only cluster out of service / then the explanation says so."""
    catalog.set_cluster_status("main", ClusterStatus.OUT_OF_SERVICE)

    # when
    found = client.post("/api/v1/explain", json=request_data()).json

    # then
    assert found["outcome"] == "no_cluster"
    assert "OUT_OF_SERVICE" in found["text"]


def test_the_id_may_be_left_out(client: FlaskClient) -> None:
    """Given a request without an id, as where it is submitted / then it is explained."""
    assert client.post("/api/v1/explain", json=request_data(id=None)).status_code == 200


def test_what_is_wrong_in_a_request_is_named(client: FlaskClient) -> None:
    """Given a field that there is not / then it is named, and the status is that of a submission."""
    asked = request_data(commandCriterias=["x"])

    found = problem_of(client.post("/api/v1/explain", json=asked), 412)

    assert "commandCriterias" in [each["field"] for each in found["errors"]]


@pytest.mark.parametrize("body", ["[]", "{", "3"])
def test_what_is_no_request_is_refused(client: FlaskClient, body: str) -> None:
    """Given a body that is no object / then it is refused as unreadable."""
    answer = client.post("/api/v1/explain", data=body, content_type="application/json")

    problem_of(answer, 400)


def test_a_job_that_waits_is_explained_by_what_is_known(
    client: FlaskClient, record: Record
) -> None:
    """Given a job that nobody has routed yet / then it waits."""
    found = client.get(f"/api/v1/jobs/{record()}/explain").json

    assert (found["outcome"], found["cluster"]) == ("waits", None)


def test_a_job_that_was_refused_is_explained_by_the_refusal(client: FlaskClient) -> None:
    """Given a request that was no request / then the reason is told."""
    record_invalid("bad", "version: missing", {}, tag_group="default", worker="the test")

    found = client.get("/api/v1/jobs/bad/explain").json

    assert found["outcome"] == "refused"
    assert "version: missing" in found["text"]


def test_a_job_that_is_not_there_is_not_found(client: FlaskClient) -> None:
    """Given no job / then 404."""
    problem_of(client.get("/api/v1/jobs/nobody/explain"), 404)
