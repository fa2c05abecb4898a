"""Choosing command, cluster and applications."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings

from tagfleet.models.errors import Unresolvable
from tagfleet.models.resources import Cluster, Command, Criterion, JobRequest
from tagfleet.models.snapshot import CatalogSnapshot
from tagfleet.routing_rules.resolver import Defaults, resolve
from tagfleet.routing_rules.selectors import Choice

from .samples import (
    application,
    catalog,
    cluster,
    clusters_of_small_world,
    command,
    commands_of_small_world,
    request,
    requests_of_small_world,
)

NO_COMMAND = "No command matching command criterion found"
NO_CLUSTER = "No clusters available to run any candidate command on"


def slow_candidates(
    asked: JobRequest, commands: list[Command], clusters: list[Cluster]
) -> tuple[dict[str, list[str]], list[str]]:
    """Section 2 of the contract, read aloud: the clusters by command, and the best commands."""
    found: dict[str, list[str]] = {}
    preference: dict[str, int] = {}
    for each in matching_commands(asked, commands):
        pairs = product(each.cluster_criteria, enumerate(asked.cluster_criteria))
        for own, (place, criterion) in pairs:
            merged = united(own, criterion)
            matched = [one.id for one in clusters if merged and has(one, merged, "UP")]
            if matched:
                found[each.id], preference[each.id] = matched, place
                break
    best = [each for each in found if preference[each] == min(preference.values())]
    return found, best


def matching_commands(asked: JobRequest, commands: list[Command]) -> list[Command]:
    return [
        each
        for each in commands
        if each.cluster_criteria and has(each, asked.command_criterion, "ACTIVE")
    ]


def has(resource: Command | Cluster, asked: Criterion, default_status: str) -> bool:
    return (
        asked.id in (None, resource.id)
        and asked.name in (None, resource.name)
        and asked.version in (None, resource.version)
        and (asked.status or default_status) == resource.status
        and asked.tags <= resource.tags
    )


def united(one: Criterion, other: Criterion) -> Criterion | None:
    parts = {}
    for part in ("id", "name", "version", "status"):
        given = {getattr(one, part), getattr(other, part)} - {None}
        if len(given) > 1:
            return None
        parts[part] = given.pop() if given else None
    return Criterion(**parts, tags=one.tags | other.tags)


@settings(max_examples=150)
@given(requests_of_small_world(), commands_of_small_world(), clusters_of_small_world())
def test_the_resolver_finds_what_the_contract_says(
    asked: JobRequest, commands: list[Command], clusters: list[Cluster]
) -> None:
    candidates, best = slow_candidates(asked, commands, clusters)
    snapshot = CatalogSnapshot(commands=commands, clusters=clusters)
    if not candidates:
        beginning = NO_CLUSTER if matching_commands(asked, commands) else NO_COMMAND
        with pytest.raises(Unresolvable, match=f"^{beginning}"):
            resolve(asked, snapshot, seed=1)
        return
    found = resolve(asked, snapshot, seed=1)
    assert {key: list(ids) for key, ids in found.cluster_candidates.items()} == candidates
    assert list(found.command_candidates) == list(candidates)
    assert found.command.id in best
    assert found.cluster.id in candidates[found.command.id]


def test_the_seed_decides_and_every_candidate_has_its_turn() -> None:
    world = catalog(command("m1"), command("m2"), cluster("k1"), cluster("k2"), cluster("k3"))
    picks = set()
    for seed in range(200):
        found = resolve(request(), world, seed=seed)
        assert resolve(request(), world, seed=str(seed)).cluster == found.cluster
        picks.add((found.command.id, found.cluster.id))
    assert picks == set(product(["m1", "m2"], ["k1", "k2", "k3"]))


def test_the_command_selector_is_asked_for_ties_only() -> None:
    asked: list[Choice] = []

    def last(choice: Choice) -> str:
        asked.append(choice)
        return choice.candidates[-1].id

    single = catalog(command("m1"), cluster("k1"))
    resolve(request(), single, seed=1, command_selectors=[last], cluster_selectors=[last])
    assert [each.kind for each in asked] == ["cluster"]
    assert asked[0].command == command("m1")

    asked.clear()
    tied = catalog(command("m1"), command("m2"), cluster("k1"))
    found = resolve(request(), tied, seed=1, command_selectors=[last], cluster_selectors=[last])
    assert found.command.id == "m2"
    assert [each.kind for each in asked] == ["command", "cluster"]


def test_all_selectors_decline() -> None:
    world = catalog(command("m1"), command("m2"), cluster("k1"))
    with pytest.raises(Unresolvable, match="^No cluster resolved for job"):
        resolve(request(), world, seed=1, cluster_selectors=[lambda _: None])
    with pytest.raises(Unresolvable, match="^No command resolved for job"):
        resolve(request(), world, seed=1, command_selectors=[])


def test_the_requests_applications_replace_the_commands_in_its_own_order() -> None:
    world = catalog(
        command("m", applications=["a"]),
        cluster("k"),
        *(application(each) for each in ("a", "b")),
        application("old", status="DEPRECATED"),
    )
    found = resolve(request(applications=["old", "b", "old"]), world, seed=1)
    assert [each.id for each in found.applications] == ["old", "b"]
    assert [each.id for each in resolve(request(), world, seed=1).applications] == ["a"]


def test_an_application_that_is_unknown_or_inactive_is_named() -> None:
    world = catalog(
        command("m", applications=["gone"]), cluster("k"), application("off", status="INACTIVE")
    )
    with pytest.raises(Unresolvable, match="id 'gone' found, which command 'm' names"):
        resolve(request(), world, seed=1)
    with pytest.raises(Unresolvable, match="'off', which the request names, is INACTIVE"):
        resolve(request(applications=["off"]), world, seed=1)


def test_timeout_memory_and_cpu_come_from_whoever_says_so_first() -> None:
    world = catalog(command("m", memory=2000), cluster("k"))
    defaults = Defaults(timeout=60, memory=10, cpu=3)
    found = resolve(request(), world, seed=1, defaults=defaults)
    assert (found.timeout, found.memory, found.cpu) == (60, 2000, 3)
    found = resolve(request(timeout=5, memory=6, cpu=7), world, seed=1, defaults=defaults)
    assert (found.timeout, found.memory, found.cpu) == (5, 6, 7)


def test_the_reason_ends_with_the_nearest_miss() -> None:
    world = catalog(command("m"), cluster("k1", tags=["type:yarn"]), cluster("k2", tags=[]))
    wanted = request(clusterCriterias=[{"tags": ["type:yarn", "ver:9"]}])
    with pytest.raises(Unresolvable) as caught:
        resolve(wanted, world, seed=1)
    assert str(caught.value) == (
        "No clusters available to run any candidate command on. Nearest: k1: tag 'ver:9' is missing"
    )
