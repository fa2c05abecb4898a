"""Changes of a catalog, as they are written on the command line."""

from __future__ import annotations

import pytest

from tagfleet.models.errors import InvalidInput
from tagfleet.models.snapshot import CatalogSnapshot
from tagfleet.models.states import ClusterStatus
from tagfleet.routing_rules.simulate.catalog_changes import CatalogChanges, changed

from .worlds import fleet_of, yarn


def fleet() -> CatalogSnapshot:
    return fleet_of(yarn("old", "sched:sla", "ver:3=5"), yarn("new"), yarn("team:a"))


def tags(catalog: CatalogSnapshot, cluster_id: str) -> set[str]:
    found = catalog.cluster(cluster_id)
    assert found is not None
    return set(found.tags) - {"type:yarn"}


def test_tags_are_moved() -> None:
    found = changed(fleet(), CatalogChanges(move_tags=["sched:sla,ver:3=5=old:team:a"]))
    assert tags(found.catalog, "old") == set()
    assert tags(found.catalog, "team:a") == {"sched:sla", "ver:3=5"}
    assert found.said == ("sched:sla, ver:3=5 moved from old to team:a",)


def test_tags_are_given_and_taken() -> None:
    # Given ids and tags with colons of their own
    changes = CatalogChanges(add_tags=["team:a:x:y,z"], remove_tags=["old:sched:sla"])
    # When
    found = changed(fleet(), changes)
    # Then
    assert tags(found.catalog, "team:a") == {"x:y", "z"}
    assert tags(found.catalog, "old") == {"ver:3=5"}
    assert found.said == ("sched:sla taken from old", "x:y, z given to team:a")


def test_a_cluster_is_drained_and_the_catalog_before_stays_as_it_was() -> None:
    before = fleet()
    found = changed(before, CatalogChanges(drain=["old"])).catalog.cluster("old")
    assert found is not None
    assert found.status is ClusterStatus.OUT_OF_SERVICE
    assert before.cluster("old") != found


def test_without_changes_the_catalog_is_the_same_one() -> None:
    catalog = fleet()
    assert changed(catalog, CatalogChanges()).catalog is catalog


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (CatalogChanges(drain=["odl"]), "no cluster 'odl' in the catalog, did you mean 'old'?"),
        (CatalogChanges(move_tags=["x=old:new"]), "cluster 'old' has no tag x"),
        (CatalogChanges(move_tags=["sched:sla=old:nowhere"]), "no cluster 'nowhere'"),
        (CatalogChanges(move_tags=["old:new"]), "expected TAG=CLUSTER_FROM:CLUSTER_TO"),
        (CatalogChanges(move_tags=["x=old"]), "expected TAG=CLUSTER_FROM:CLUSTER_TO"),
        (CatalogChanges(move_tags=[",=old:new"]), "expected at least one tag"),
        (CatalogChanges(add_tags=["old:"]), "expected at least one tag"),
        (CatalogChanges(add_tags=["x"]), "no cluster 'x'"),
        (CatalogChanges(remove_tags=["new:x"]), "cluster 'new' has no tag x"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(changes: CatalogChanges, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        changed(fleet(), changes)
    assert said in str(caught.value)
