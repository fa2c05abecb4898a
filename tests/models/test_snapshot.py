"""The index answers what a look at each resource would, only faster."""

from __future__ import annotations

import pytest
from hypothesis import given

from tagfleet.models.resources import AnyResource, Cluster, Command, Criterion
from tagfleet.models.snapshot import CatalogSnapshot, matches, misses
from tagfleet.models.states import ClusterStatus, CommandStatus

from ..routing_rules.samples import (
    application,
    catalog,
    cluster,
    clusters_of_small_world,
    command,
    commands_of_small_world,
    criteria,
)


@given(clusters_of_small_world(), criteria(ClusterStatus))
def test_the_index_finds_the_clusters_that_a_scan_finds(
    clusters: list[Cluster], criterion: Criterion
) -> None:
    found = CatalogSnapshot(clusters=reversed(clusters)).clusters_matching(criterion)
    assert found == [each for each in clusters if matches(criterion, each, "UP")]


@given(commands_of_small_world(), criteria(CommandStatus))
def test_the_index_finds_the_commands_that_a_scan_finds(
    commands: list[Command], criterion: Criterion
) -> None:
    found = CatalogSnapshot(commands=reversed(commands)).commands_matching(criterion)
    assert found == [each for each in commands if matches(criterion, each, "ACTIVE")]


@given(commands_of_small_world(), clusters_of_small_world(), criteria(ClusterStatus))
def test_near_ones_do_not_match_and_the_nearest_comes_first(
    commands: list[Command], clusters: list[Cluster], criterion: Criterion
) -> None:
    snapshot = CatalogSnapshot(commands=commands, clusters=clusters)
    near = snapshot.clusters_near(criterion, 2)
    missing = [len(misses(criterion, each, "UP")) for each in near]
    assert len(near) <= 2
    assert all(missing)
    assert missing == sorted(missing)
    assert all(misses(criterion, each, "ACTIVE") for each in snapshot.commands_near(criterion, 9))


@given(commands_of_small_world(), clusters_of_small_world(), criteria(ClusterStatus))
def test_what_matches_is_what_misses_nothing(
    commands: list[Command], clusters: list[Cluster], criterion: Criterion
) -> None:
    everything: list[AnyResource] = [*commands, *clusters]
    for each in everything:
        assert matches(criterion, each, "UP") == (not misses(criterion, each, "UP"))


@given(clusters_of_small_world(), criteria(ClusterStatus))
def test_the_short_way_to_near_ones_leads_where_the_long_way_does(
    clusters: list[Cluster], criterion: Criterion
) -> None:
    ranked = sorted(
        (len(missing), each.id) for each in clusters if (missing := misses(criterion, each, "UP"))
    )
    for limit in (1, 2, 3):
        near = CatalogSnapshot(clusters=clusters).clusters_near(criterion, limit)
        found = [(len(misses(criterion, each, "UP")), each.id) for each in near]
        # One that has nothing of what is asked for is not near.
        assert found == ranked[: len(found)]


def test_everything_is_found_by_id_whatever_its_status() -> None:
    snapshot = catalog(
        application("a", status="INACTIVE"),
        command("m2", status="INACTIVE"),
        command("m1"),
        cluster("k", status="TERMINATED"),
    )
    assert snapshot.application("a") == application("a", status="INACTIVE")
    assert snapshot.command("m2") == command("m2", status="INACTIVE")
    assert snapshot.cluster("k") == cluster("k", status="TERMINATED")
    assert snapshot.application("k") is None
    assert snapshot.command("a") is None
    assert snapshot.cluster("m1") is None
    assert [each.id for each in snapshot.commands] == ["m1", "m2"]
    assert [each.id for each in (*snapshot.applications, *snapshot.clusters)] == ["a", "k"]


def test_a_status_that_is_named_replaces_the_default() -> None:
    drained = cluster("drained", status="OUT_OF_SERVICE")
    snapshot = catalog(cluster("up"), drained)
    assert snapshot.clusters_matching(Criterion(status="OUT_OF_SERVICE")) == [drained]
    assert snapshot.clusters_matching(Criterion(status="out_of_service")) == []


def test_a_resource_bears_its_own_id_and_name_as_tags_and_nobody_elses() -> None:
    snapshot = catalog(cluster("k1", name="n1", tags=["genie.id:k2"]), cluster("k2", name="n2"))
    for tag in ("genie.id:k2", "genie.name:n2"):
        found = snapshot.clusters_matching(Criterion(tags=frozenset({tag})))
        assert [each.id for each in found] == ["k2"]


def test_a_command_without_cluster_criteria_never_matches() -> None:
    lone = command("lone", clusterCriteria=[])
    assert catalog(lone).commands_matching(Criterion(id="lone")) == []
    assert catalog(lone).commands_near(Criterion(id="lone"), 5) == [lone]
    assert misses(Criterion(id="lone"), lone, "ACTIVE") == ["it has no cluster criteria"]


def test_what_is_missing_is_said_in_words() -> None:
    criterion = Criterion(id="k2", version="2", tags=frozenset({"ver:3.5", "type:yarn"}))
    assert misses(criterion, cluster("k1", status="OUT_OF_SERVICE"), "UP") == [
        "id is k1, not k2",
        "version is 1, not 2",
        "status is OUT_OF_SERVICE, not UP",
        "tag 'ver:3.5' is missing",
    ]


def test_one_id_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="more than once: k1"):
        catalog(cluster("k1"), cluster("k1"), cluster("k2"))
