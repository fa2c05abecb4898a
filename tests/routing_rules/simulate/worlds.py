"""Small fleets and their past, for the tests of simulations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from tagfleet.models.resources import Cluster
from tagfleet.models.snapshot import CatalogSnapshot
from tagfleet.routing_rules.simulate.past_jobs import JobReader, PastJob
from tagfleet.routing_rules.simulate.report import report_data
from tagfleet.routing_rules.simulate.simulation import Side, simulate

from ..rule_samples import NOON, rules_of
from ..samples import catalog, cluster, command

#: One queue, and any cluster that answers.
ANYWHERE = "queues: {q: }\nroutes: [{name: all, queue: q}]\n"


def yarn(cluster_id: str, *tags: str, slots: int | None = None, **fields: Any) -> Cluster:
    """A cluster; without slots, it has no engine, and any number of jobs runs there at once."""
    engine = {"type": "emr", "clusterId": "j-1", "stepConcurrency": slots}
    if slots is not None:
        fields["engine"] = engine
    return cluster(cluster_id, tags=["type:yarn", *tags], **fields)


def fleet_of(*clusters: Cluster) -> CatalogSnapshot:
    """These clusters, and a command that runs on all of them."""
    return catalog(command("spark"), *clusters)


def job(
    job_id: str,
    *tags: str,
    at: float = 0,
    runs: float | None = 60,
    tag_group: str | None = None,
    **fields: Any,
) -> PastJob:
    """A job that asks for a cluster with these tags.

    Arguments:
        at: When it came, in seconds after NOON.
        runs: For how long, in seconds.
    """
    created = NOON + timedelta(seconds=at)
    times: dict[str, datetime] = {"created": created}
    if runs is not None:
        times |= {"started": created, "finished": created + timedelta(seconds=runs)}
    request = {
        "id": job_id,
        "name": "job",
        "user": "ana",
        "version": "1",
        "clusterCriteria": [{"tags": ["type:yarn", *tags]}],
        "commandCriterion": {"tags": ["go"]},
        **fields,
    }
    read = JobReader().read({"request": request, "tagGroup": tag_group, **times}, job_id)
    assert read is not None
    return read


def side(rules: str, fleet: CatalogSnapshot, **fields: Any) -> Side:
    """One side of a simulation."""
    return Side(rules=rules_of(rules), catalog=fleet, rules_name="r", catalog_name="c", **fields)


def outcome_of(
    jobs: Iterable[PastJob], before: Side, after: Side, *fail_on: str, **options: Any
) -> dict[str, Any]:
    """The report's data."""
    return report_data(simulate(jobs, before, after, moment=NOON, **options), fail_on)


def counts(data: dict[str, Any], when: str = "after") -> dict[str, int]:
    """How many jobs have each outcome."""
    return {each["outcome"]: each[when] for each in data["outcomes"] if each[when]}


def load(data: dict[str, Any], dimension: str, name: str, when: str = "after") -> dict[str, Any]:
    """The load of a cluster, a tag group or a user."""
    return next(dict(each[when]) for each in data[dimension] if each["name"] == name)
