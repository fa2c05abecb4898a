"""The catalog is applied idempotently and read back as it was given."""

from __future__ import annotations

import pytest

from tagfleet.models import catalog
from tagfleet.models.errors import NotFound
from tagfleet.models.schemas import dump_resource, load_resource

from .samples import a_cluster, a_command

pytestmark = pytest.mark.usefixtures("mongodb")


def changes(*resources: catalog.AnyResource) -> list[str]:
    return [change for change, _ in catalog.apply(list(resources))]


def test_entries_are_created_then_unchanged_then_changed() -> None:
    assert changes(a_command(), a_cluster()) == ["created", "created"]
    assert changes(a_command(), a_cluster()) == ["unchanged", "unchanged"]
    assert changes(a_command(), a_cluster(status="OUT_OF_SERVICE")) == ["unchanged", "changed"]


def test_an_entry_is_read_back_as_it_was_given() -> None:
    given = a_command(
        metadata={"$cost": {"a.b": [1]}},
        clusterCriteria=[
            {"name": "sla", "tags": ["b", "a"]},
            {"id": "x", "status": "UP", "version": "1"},
        ],
        applications=["spark", "hadoop"],
        configs=["s3://b/c"],
        setupFile="s3://b/setup.sh",
    )
    catalog.apply([given])
    found = dump_resource(catalog.get_resource("commands", given.id))
    assert load_resource("commands", found) == given


def test_only_a_change_raises_the_version_that_readers_watch() -> None:
    before = catalog.catalog_version()
    changes(a_cluster())
    after = catalog.catalog_version()
    changes(a_cluster())
    assert (after, catalog.catalog_version()) == (before + 1, before + 1)


def test_the_time_of_creation_survives_a_change() -> None:
    catalog.apply([a_cluster()])
    created = catalog.get_resource("clusters", "main").created
    catalog.apply([a_cluster(version="8")])
    found = catalog.get_resource("clusters", "main")
    assert found.created == created
    assert found.updated is not None
    assert found.version == "8"


def test_an_unknown_entry_is_an_error_that_names_it() -> None:
    with pytest.raises(NotFound, match="'nope'"):
        catalog.get_resource("clusters", "nope")


def test_the_snapshot_holds_all_kinds() -> None:
    catalog.apply([a_cluster(), a_command()])
    snapshot = catalog.load_snapshot()
    assert [cluster.id for cluster in snapshot.clusters] == ["main"]
    assert [command.id for command in snapshot.commands] == ["spark"]
