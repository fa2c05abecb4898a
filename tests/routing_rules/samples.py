"""Small catalogs and requests for the tests of routing, in Genie's own field names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from tagfleet.models.resources import (
    AnyResource,
    Application,
    Cluster,
    Command,
    Criterion,
    JobRequest,
)
from tagfleet.models.schemas import load_job_request, load_resource
from tagfleet.models.snapshot import CatalogSnapshot
from tagfleet.models.states import ClusterStatus, CommandStatus

Kind = TypeVar("Kind", Application, Command, Cluster)
Small = TypeVar("Small", Command, Cluster)

COMMON: Mapping[str, str] = {"user": "ops", "version": "1"}


def application(application_id: str, **fields: Any) -> Application:
    return _of(Application, "applications", {"id": application_id, **fields})


def command(command_id: str, **fields: Any) -> Command:
    given = {
        "id": command_id,
        "executable": ["run"],
        "clusterCriteria": [{"tags": ["type:yarn"]}],
        "tags": ["go"],
    }
    return _of(Command, "commands", given | fields)


def cluster(cluster_id: str, **fields: Any) -> Cluster:
    return _of(Cluster, "clusters", {"id": cluster_id, "tags": ["type:yarn"], **fields})


def request(**fields: Any) -> JobRequest:
    given: dict[str, Any] = {"id": "job-1", "name": "job", "user": "alice", "version": "1"}
    if "commandCriterion" not in fields:
        given["commandCriteria"] = ["go"]
    if "clusterCriteria" not in fields:
        given["clusterCriterias"] = [{"tags": ["type:yarn"]}]
    return load_job_request(given | fields)


def catalog(*resources: AnyResource) -> CatalogSnapshot:
    return CatalogSnapshot(
        applications=[each for each in resources if isinstance(each, Application)],
        commands=[each for each in resources if isinstance(each, Command)],
        clusters=[each for each in resources if isinstance(each, Cluster)],
    )


def catalog_of(case: Mapping[str, Any]) -> CatalogSnapshot:
    """The catalog of an acceptance case."""
    return catalog(
        *(
            load_resource(kind, each)
            for kind in ("applications", "commands", "clusters")
            for each in case[kind]
        )
    )


def _of(kind: type[Kind], key: str, fields: Mapping[str, Any]) -> Kind:
    resource = load_resource(key, {"name": fields["id"], **COMMON, **fields})
    assert isinstance(resource, kind)
    return resource


# A small world, so that what is drawn often matches and often just fails to.
_NAMES = st.sampled_from(["a", "b", "c"])
_TAGS = st.frozensets(st.sampled_from(["s", "t", "u", "v"]), max_size=3)


def criteria(statuses: Iterable[str]) -> st.SearchStrategy[Criterion]:
    """Criteria of the small world that are not blank."""
    return st.builds(
        Criterion,
        id=st.none() | st.none() | st.sampled_from(["1", "2", "3"]),
        name=st.none() | st.none() | _NAMES,
        version=st.none() | st.none() | _NAMES,
        status=st.none() | st.none() | st.sampled_from([*statuses, "up"]),
        tags=_TAGS,
    ).filter(lambda criterion: not criterion.is_blank)


def clusters_of_small_world() -> st.SearchStrategy[list[Cluster]]:
    """Up to three clusters; their ids are 1 to 3."""
    return _resources(
        st.builds(
            Cluster,
            id=st.just("0"),
            name=_NAMES,
            user=st.just("ops"),
            version=_NAMES,
            status=st.sampled_from(ClusterStatus),
            tags=_TAGS,
        )
    )


def commands_of_small_world() -> st.SearchStrategy[list[Command]]:
    """Up to three commands; their ids are 1 to 3."""
    return _resources(
        st.builds(
            Command,
            id=st.just("0"),
            name=_NAMES,
            user=st.just("ops"),
            version=_NAMES,
            status=st.sampled_from(CommandStatus),
            tags=_TAGS,
            cluster_criteria=st.lists(criteria(ClusterStatus), max_size=3).map(tuple),
        )
    )


def requests_of_small_world() -> st.SearchStrategy[JobRequest]:
    """Requests that ask for what the small world may have."""
    return st.builds(
        JobRequest,
        id=st.just("job-1"),
        name=st.just("job"),
        user=st.just("alice"),
        version=st.just("1"),
        cluster_criteria=st.lists(criteria(ClusterStatus), min_size=1, max_size=3).map(tuple),
        command_criterion=criteria(CommandStatus),
    )


def _resources(each: st.SearchStrategy[Small]) -> st.SearchStrategy[list[Small]]:
    return st.lists(each, max_size=3).map(
        lambda found: [replace(one, id=str(at)) for at, one in enumerate(found, 1)]
    )
