"""A canary whose jobs fail too often gets no more of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.database import Database

from tagfleet.models import canaries, catalog, jobs
from tagfleet.models.database import now
from tagfleet.models.job import Job
from tagfleet.models.states import JobStatus
from tagfleet.routing_rules.in_force import RulesNow
from tagfleet.routing_rules.pools import Canary
from tagfleet.workers.canary_guard import Record, guard, records, too_bad
from tagfleet.workers.deciding import Load, StoppedCanaries, decision_of, usage_of

from ..models.samples import a_cluster, a_command, a_request

Rows = Database[dict[str, Any]]

RULES = RulesNow.of(
    {
        "r.yaml": b"""
version: 1
queues: {default: }
pools:
  spark:
    strategy: weighted
    targets:
      - {tags: ["type:yarn"], weight: 1}
      - {cluster: new, weight: 999, canary: {margin: 10, after: 4}}
routes: [{name: all, queue: default, pool: spark}]
"""
    },
    version=1,
)


@pytest.fixture
def _catalog(mongodb: Rows) -> None:
    catalog.apply([a_command(), a_cluster(id="old"), a_cluster(id="new")])


def ended(cluster: str, *, succeeded: int = 0, failed: int = 0, **changes: Any) -> None:
    """Jobs that the pool has sent there, and how they ended."""
    for status, count in ((JobStatus.SUCCEEDED, succeeded), (JobStatus.FAILED, failed)):
        for number in range(count):
            job_id = f"{cluster}-{status}-{number}-{len(changes)}"
            jobs.record(
                a_request(id=job_id), "default", worker="w", ring_at=now(), queue_seconds=60
            )
            fields = {
                "status": status,
                "cluster_id": cluster,
                "pool": "spark",
                "rules_digest": RULES.digest,
                "rules_version": 1,
                "finished": now(),
            } | changes
            Job.objects(id=job_id).update_one(**{f"set__{key}": fields[key] for key in fields})


def cluster_of_next_job(job_id: str = "next") -> str:
    jobs.record(a_request(id=job_id), "default", worker="w", ring_at=now(), queue_seconds=60)
    decision = decision_of(
        jobs.get(job_id),
        RULES,
        catalog.load_snapshot(),
        usage_of(Load(), StoppedCanaries(), RULES),
    )
    assert decision.resolution
    return decision.resolution.cluster.id


@pytest.mark.usefixtures("_catalog")
def test_a_canary_that_fails_more_often_is_stopped_and_can_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert cluster_of_next_job("a") == "new"
    # Given
    ended("old", succeeded=9, failed=1)
    ended("new", succeeded=3, failed=2)
    # When
    guard(RULES, catalog.load_snapshot())
    # Then the others take its jobs
    assert cluster_of_next_job("b") == "old"
    (message,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "2 of 5 jobs failed (40 %) there, of the others 1 of 10 jobs failed (10 %)" in message
    assert "tagfleet rules canary resume spark" in message
    # And when somebody lets it go on, it is not stopped again under these rules
    assert canaries.resume("1", "spark", by="ana")
    guard(RULES, catalog.load_snapshot())
    assert cluster_of_next_job("c") == "new"
    assert not canaries.resume("1", "spark", by="ana")


@pytest.mark.usefixtures("_catalog")
def test_jobs_of_other_rules_and_killed_ones_say_nothing() -> None:
    ended("old", succeeded=10)
    ended("new", succeeded=4)
    ended("new", failed=5, rules_version=2)
    ended("new", failed=5, status=JobStatus.KILLED, failure="x")
    found = records(RULES, RULES.rules.pools["spark"], catalog.load_snapshot())
    assert found == (Record(4, 0), Record(10, 0))
    guard(RULES, catalog.load_snapshot())
    assert canaries.stopped_pools("1") == frozenset()


@given(
    margin=st.integers(0, 100),
    after=st.integers(1, 50),
    own=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    others=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_it_is_stopped_only_by_enough_jobs_and_beyond_the_margin(
    margin: int, after: int, own: tuple[int, int], others: tuple[int, int]
) -> None:
    one, rest = (Record(sum(each), each[1]) for each in (own, others))
    why = too_bad(Canary(margin=margin, after=after), one, rest)
    is_enough = one.ended >= after and rest.ended >= after
    assert (why is not None) == (is_enough and one.rate - rest.rate > margin)
