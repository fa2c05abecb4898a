"""Pools: which cluster takes a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from tagfleet.models.errors import Unresolvable
from tagfleet.models.resources import JobRequest
from tagfleet.models.snapshot import CatalogSnapshot
from tagfleet.routing_rules.pools import Pool, PoolSelector, Sticky, Strategy, Target
from tagfleet.routing_rules.resolver import resolve

from .samples import catalog, cluster, command, request

SLA, CANARY = Target(tags=frozenset({"sla"})), Target(cluster="canary")
WORLD = catalog(
    command("go"),
    cluster("old-1", tags=["type:yarn", "sla"]),
    cluster("old-2", tags=["type:yarn", "sla"]),
    cluster("canary", tags=["type:yarn", "sla", "new"]),
)


def pool(strategy: Strategy, *targets: Target, **changes: object) -> Pool:
    return Pool(name="p", strategy=strategy, targets=targets, **changes)  # type: ignore[arg-type]


def weighted(old: int, new: int, sticky: Sticky = Sticky.JOB) -> Pool:
    """So much for the old clusters, so much for the canary."""
    targets = (Target(tags=SLA.tags, weight=old), Target(cluster="canary", weight=new))
    return pool(Strategy.WEIGHTED, *targets, sticky_by=sticky)


def choose(
    *pools: Pool,
    seed: object = 0,
    asked: JobRequest | None = None,
    world: CatalogSnapshot = WORLD,
    load: Mapping[str, int] | None = None,
) -> tuple[str, str]:
    """The command and the cluster that a job gets."""
    selectors = [PoolSelector(each, load or {}) for each in pools]
    found = resolve(
        asked or request(),
        world,
        seed=str(seed),
        command_selectors=selectors,
        cluster_selectors=selectors,
    )
    return found.command.id, found.cluster.id


def shares(*pools: Pool, **options: object) -> Counter[str]:
    """How many of 1,000 jobs each cluster gets."""
    return Counter(choose(*pools, seed=seed, **options)[1] for seed in range(1000))  # type: ignore[arg-type]


def test_weights_are_shares() -> None:
    found = shares(weighted(95, 5))
    assert 30 <= found["canary"] <= 70
    # Within a target, all clusters are alike; the canary belongs to its own target alone.
    assert abs(found["old-1"] - found["old-2"]) < 100


def test_what_grows_keeps_what_it_had() -> None:
    # Given the jobs that the canary gets with 5 %, by name
    def names(old: int, new: int) -> set[int]:
        rule = weighted(old, new, Sticky.NAME)
        asked = (request(name=f"job-{at}") for at in range(1000))
        return {at for at, each in enumerate(asked) if choose(rule, asked=each)[1] == "canary"}

    few, half, all_of_them = names(95, 5), names(50, 50), names(0, 100)
    # Then it still has them with 50 %, and all of them in the end
    assert few
    assert few < half < all_of_them
    assert len(all_of_them) == 1000
    assert 450 <= len(half) <= 550


@pytest.mark.parametrize(
    ("sticky", "key"), [(Sticky.USER, "user"), (Sticky.NAME, "name")], ids=["user", "name"]
)
def test_jobs_of_one_user_or_name_stay_together(sticky: Sticky, key: str) -> None:
    rule = weighted(50, 50, sticky)
    for value in ("ana", "bo", "cas"):
        asked = request(**{key: value})
        assert len({choose(rule, seed=seed, asked=asked) for seed in range(20)}) == 1
    assert len({choose(rule, asked=request(**{key: f"x{at}"})) for at in range(50)}) > 1


def test_only_those_move_whose_cluster_went_away() -> None:
    rule = pool(Strategy.RANDOM, SLA, sticky_by=Sticky.NAME)
    asked = [request(name=f"job-{at}") for at in range(200)]
    before = [choose(rule, asked=each)[1] for each in asked]
    smaller = catalog(command("go"), *(each for each in WORLD.clusters if each.id != "old-1"))
    after = [choose(rule, asked=each, world=smaller)[1] for each in asked]
    moved = {was for was, now in zip(before, after, strict=True) if was != now}
    assert moved == {"old-1"}


def test_a_target_with_weight_0_gets_nothing() -> None:
    assert set(shares(weighted(0, 1))) == {"canary"}


def test_the_weights_of_absent_clusters_go_to_the_others() -> None:
    only_old = catalog(command("go"), cluster("old-1", tags=["type:yarn", "sla"]))
    assert shares(weighted(5, 95), world=only_old) == {"old-1": 1000}


def test_the_first_target_that_can_take_the_job() -> None:
    rule = pool(Strategy.ORDERED, Target(cluster="gone"), CANARY, SLA)
    assert shares(rule) == {"canary": 1000}


def test_every_cluster_of_every_target_has_its_turn() -> None:
    found = shares(pool(Strategy.RANDOM, CANARY, SLA))
    assert all(250 <= count <= 420 for count in found.values())
    assert len(found) == 3


def test_the_least_loaded_cluster_for_its_size() -> None:
    def engine(slots: int) -> dict[str, object]:
        return {"type": "emr", "clusterId": "j-A", "stepConcurrency": slots}

    world = catalog(
        command("go"), cluster("large", engine=engine(10)), cluster("small", engine=engine(2))
    )
    rule = Pool(name="p", strategy=Strategy.LEAST_LOADED)
    assert choose(rule, world=world, load={"large": 4, "small": 1})[1] == "large"
    assert choose(rule, world=world, load={"large": 6, "small": 1})[1] == "small"
    # Clusters that are equally free share the jobs.
    assert len(shares(rule, world=world)) == 2


def test_a_pool_declines_where_the_next_one_is_asked() -> None:
    elsewhere = pool(Strategy.ORDERED, Target(cluster="gone"))
    assert choose(elsewhere, pool(Strategy.ORDERED, CANARY))[1] == "canary"
    with pytest.raises(Unresolvable, match="No cluster resolved for job"):
        choose(elsewhere)


def test_the_command_follows_the_cluster() -> None:
    # Given two commands that do equally well, each on clusters of its own
    world = catalog(
        command("spark-34", clusterCriteria=[{"tags": ["sla"]}]),
        command("spark-35", clusterCriteria=[{"tags": ["new"]}]),
        *WORLD.clusters[1:],
        cluster("canary", tags=["type:yarn", "new"]),
    )
    # When the pool gives the canary a twentieth
    found = Counter(choose(weighted(95, 5), seed=seed, world=world) for seed in range(1000))
    # Then the new command gets a twentieth, not a half
    assert 30 <= found["spark-35", "canary"] <= 70
    assert sum(found.values()) == 1000
    assert {pair for pair in found if pair[0] == "spark-35"} == {("spark-35", "canary")}


def test_a_pool_works_with_a_command_that_another_selector_chose() -> None:
    world = catalog(
        command("a", clusterCriteria=[{"tags": ["sla"]}]),
        command("b", clusterCriteria=[{"tags": ["new"]}]),
        *WORLD.clusters,
    )
    rule = pool(Strategy.ORDERED, SLA, CANARY)
    found = resolve(
        request(),
        world,
        seed=0,
        command_selectors=[lambda choice: "b"],
        cluster_selectors=[PoolSelector(rule)],
    )
    assert (found.command.id, found.cluster.id) == ("b", "canary")


def test_the_rationale_names_the_pool() -> None:
    found = resolve(
        request(), WORLD, seed=0, cluster_selectors=[PoolSelector(pool(Strategy.ORDERED, CANARY))]
    )
    assert [answer.selector for answer in found.rationale.answers] == ["pool p"]
