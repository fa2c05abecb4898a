"""A decision that is remembered is the one that would be made."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfleet.models.resources import Cluster, Command, JobRequest
from tagfleet.models.snapshot import CatalogSnapshot
from tagfleet.routing_rules.decide import decide
from tagfleet.routing_rules.limits import IDLE, Usage
from tagfleet.routing_rules.simulate import decider as module
from tagfleet.routing_rules.simulate.decider import Decider
from tagfleet.routing_rules.simulate.past_jobs import PastJob
from tagfleet.routing_rules.simulate.rulings import ruling_of

from ..rule_samples import NOON, rules_of
from ..samples import (
    catalog,
    cluster,
    clusters_of_small_world,
    command,
    commands_of_small_world,
    request,
    requests_of_small_world,
)

RULES = [
    rules_of(text)
    for text in (
        "queues: {q: }\nroutes: [{name: all, queue: q}]\n",
        """
        queues: {q: , r: }
        windows: {first: {from: "2026-11-25T12:00:00Z", to: "2026-11-25T12:00:05Z"}}
        pools:
          w: {strategy: weighted, targets: [{cluster: "1", weight: 3}, {tags: [s], weight: 1}], fallback: l}
          l: {strategy: least_loaded, targets: [{tags: [t]}, {tags: [s]}]}
          u: {strategy: random, sticky_by: user}
          n: {strategy: weighted, sticky_by: name, targets: [{cluster: "2"}, {tags: [t]}]}
        deny: [{name: d, match: {user: u1, tags: [x]}, when: "!first", reason: Never}]
        routes:
          - {name: early, when: first, match: {name: {none: n1}}, queue: q, pool: w}
          - {name: u, match: {cluster_tags: [s]}, queue: r, pool: u}
          - {name: n, match: {tags: [x]}, queue: q, pool: n}
          - {name: l, match: {name: "n*", user: {none: u2}}, queue: r, pool: l}
        """,
    )
]

JOBS = st.lists(
    st.tuples(
        requests_of_small_world(),
        st.integers(0, 10),
        st.sampled_from(["u0", "u1", "u2"]),
        st.sampled_from(["n0", "n1", "other"]),
        st.sampled_from([frozenset(), frozenset("x")]),
        st.sampled_from([None, "q", "r"]),
    ),
    min_size=1,
    max_size=4,
)


@given(
    st.sampled_from(RULES), clusters_of_small_world(), commands_of_small_world(), JOBS, st.data()
)
@settings(deadline=None, max_examples=100)
def test_a_remembered_decision_is_the_plain_one(
    rules: module.RuleSet,
    clusters: list[Cluster],
    commands: list[Command],
    jobs: list[tuple[JobRequest, int, str, str, frozenset[str], str | None]],
    data: st.DataObject,
) -> None:
    # Given a load that changes while decisions are made
    fleet = CatalogSnapshot(clusters=clusters, commands=commands)
    load: dict[str, int] = {}
    usage = Usage(load=load)
    decider = Decider(rules, fleet, usage)
    # When each of some jobs comes several times, under other ids
    for number in range(20):
        asked, at, user, name, tags, group = jobs[number % len(jobs)]
        load["1"], load["2"] = data.draw(st.integers(0, 2)), number % 3
        asked = replace(asked, id=f"job-{number}", user=user, name=name, tags=tags)
        moment = NOON + timedelta(seconds=at)
        found = decider.rule(PastJob(request=asked), moment, group)
        # Then
        plain = ruling_of(
            decide(
                asked,
                rules,
                fleet,
                usage=usage,
                moment=moment,
                seed=asked.id,
                tag_group=group,
            )
        )
        assert (found.place, found.reason, found.rule) == (plain.place, plain.reason, plain.rule)


def test_an_application_that_one_of_the_tied_commands_lacks_stops_its_jobs_alone() -> None:
    # Given two commands that do equally well, of which one has an application that is gone
    fleet = catalog(
        cluster("k"), command("good"), command("bad", applications=["gone"]), cluster("l")
    )
    (rules,) = RULES[:1]
    decider = Decider(rules, fleet, IDLE)
    # When
    found = {
        number: decider.rule(PastJob(request=request(id=f"job-{number}")), NOON, None)
        for number in range(50)
    }
    # Then each job gets what it would get by itself
    for number, ruling in found.items():
        asked = request(id=f"job-{number}")
        plain = ruling_of(decide(asked, rules, fleet, moment=NOON, seed=asked.id))
        assert (ruling.place, ruling.reason) == (plain.place, plain.reason)
    assert {ruling.place.outcome for ruling in found.values()} == {"routed", "no_cluster"}


def test_a_full_memory_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_KNOWN", 2)
    decider = Decider(RULES[0], catalog(cluster("k"), command("go")), IDLE)
    for tag in ("a", "b", "c", "type:yarn"):
        asked = request(clusterCriterias=[{"tags": [tag]}])
        found = decider.rule(PastJob(request=asked), NOON, None)
    assert found.place.cluster == "k"
