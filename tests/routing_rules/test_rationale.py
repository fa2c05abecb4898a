"""Why: as data that is stored, and as lines that are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from tagfleet.models.errors import Unresolvable
from tagfleet.models.resources import Cluster, Command, JobRequest
from tagfleet.models.snapshot import CatalogSnapshot
from tagfleet.routing_rules.explanation import render
from tagfleet.routing_rules.rationale import LISTED
from tagfleet.routing_rules.resolver import resolve

from .samples import (
    catalog,
    cluster,
    clusters_of_small_world,
    command,
    commands_of_small_world,
    request,
    requests_of_small_world,
)

CRITERIA = [{"tags": ["sched:sla"]}, {"tags": ["sched:test"]}]


def test_a_resolved_job_tells_what_was_considered_and_what_nearly_matched() -> None:
    world = catalog(
        command("near", tags=["come"]),
        command("chosen"),
        command("outranked", clusterCriteria=[{"tags": ["sched:test"]}]),
        command("stranded", clusterCriteria=[{"name": "x", "tags": ["nowhere"]}]),
        cluster("drained", tags=["type:yarn", "sched:sla"], status="OUT_OF_SERVICE"),
        cluster("sla", tags=["type:yarn", "sched:sla"]),
        cluster("test", tags=["type:yarn", "sched:test"]),
    )
    found = resolve(request(clusterCriterias=CRITERIA), world, seed=1)
    assert render(found.rationale).splitlines() == [
        "Command asked for: go",
        "Commands that match: 3",
        "  chosen: meets criterion 1 of the request, chosen",
        "    criterion 1: sched:sla, type:yarn: sla",
        "  outranked: meets criterion 2 of the request; another command meets criterion 1",
        "    criterion 1: sched:sla, sched:test: no cluster",
        "    criterion 2: sched:test: test",
        "  stranded: no cluster to run on",
        "    criterion 1: name=x, nowhere, sched:sla: no cluster",
        "    criterion 2: name=x, nowhere, sched:test: no cluster",
        "Commands that nearly match:",
        "  near: tag 'go' is missing (asked for: go)",
        "Clusters that nearly match:",
        "  drained: status is OUT_OF_SERVICE, not UP (asked for: sched:sla, type:yarn)",
        "  test: tag 'sched:sla' is missing (asked for: sched:sla, type:yarn)",
        "  sla: tag 'sched:test' is missing (asked for: sched:sla, sched:test)",
        "Selectors:",
        "  cluster: seeded_random: picked sla",
        "Chosen: command chosen on cluster sla",
    ]


def test_criteria_that_contradict_each_other_say_so() -> None:
    world = catalog(command("m", clusterCriteria=[{"name": "A"}]), cluster("k", name="B"))
    with pytest.raises(Unresolvable) as caught:
        resolve(request(clusterCriteria=[{"name": "B"}]), world, seed=1)
    assert "    criterion 1: cannot be merged: name is both A and B" in render(
        caught.value.rationale
    )


def test_commands_that_did_as_well_as_the_chosen_one_say_so() -> None:
    world = catalog(command("m1"), command("m2"), cluster("k"))
    found = resolve(request(), world, seed=1, command_selectors=[lambda _: "m2"])
    lines = render(found.rationale).splitlines()
    assert "  m1: meets criterion 1 of the request; a selector picked another command" in lines
    assert "  m2: meets criterion 1 of the request, chosen" in lines


def test_selectors_that_fail_or_decline_say_so() -> None:
    world = catalog(command("m"), cluster("k"))
    with pytest.raises(Unresolvable) as caught:
        resolve(request(), world, seed=1, cluster_selectors=[lambda _: None, lambda _: "elsewhere"])
    text = render(caught.value.rationale)
    assert "  cluster: <lambda>: no preference" in text
    assert "  cluster: <lambda>: it named 'elsewhere', which is not a candidate" in text


def test_a_large_catalog_does_not_make_a_large_rationale() -> None:
    criteria = [{"tags": [f"absent-{at}"]} for at in range(30)]
    world = catalog(
        *(command(f"m{at:03}") for at in range(50)), *(cluster(f"k{at:03}") for at in range(300))
    )
    with pytest.raises(Unresolvable) as caught:
        resolve(request(clusterCriterias=criteria), world, seed=1)
    data = caught.value.rationale
    assert data["commandCount"] == 50
    for key in ("commands", "nearClusters"):
        listed = data[key]
        assert isinstance(listed, list)
        assert len(listed) == LISTED
    lines = render(data).splitlines()
    assert "  and 30 more" in lines
    assert "    (10 earlier attempts are left out)" in lines
    assert len(lines) < 500

    found = resolve(request(), world, seed=1)
    assert "and 280 more" in render(found.rationale)


@given(requests_of_small_world(), commands_of_small_world(), clusters_of_small_world())
def test_the_stored_data_reads_like_the_fresh_rationale(
    asked: JobRequest, commands: list[Command], clusters: list[Cluster]
) -> None:
    snapshot = CatalogSnapshot(commands=commands, clusters=clusters)
    why = rationale_of(asked, snapshot)
    stored = json.loads(json.dumps(why))
    assert stored == why
    assert render(stored).startswith("Command asked for: ")


def rationale_of(asked: JobRequest, snapshot: CatalogSnapshot) -> Mapping[str, Any]:
    try:
        found = resolve(asked, snapshot, seed=1)
    except Unresolvable as error:
        return error.rationale
    data = found.rationale.as_data()
    assert render(found.rationale) == render(data)
    assert data["cluster"] == found.cluster.id
    return data
