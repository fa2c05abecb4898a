"""The acceptance cases of the contract, section 2, one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tagfleet.models.errors import InvalidInput, Unresolvable
from tagfleet.models.schemas import load_job_request
from tagfleet.routing_rules.environment import job_environment
from tagfleet.routing_rules.resolver import Resolution, resolve
from tagfleet.routing_rules.selectors import DEFAULT_SELECTORS, Choice, Selector

from .samples import catalog_of

CASES = json.loads(Path(__file__).parents[1].joinpath("cases/routing.json").read_text("utf-8"))
SEEDS = range(5)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: Mapping[str, Any]) -> None:
    expected = case["expected"]
    if not expected.get("job_stored", True):
        with pytest.raises(InvalidInput):
            load_job_request(case["request"])
    elif expected["outcome"] == "error":
        with pytest.raises(Unresolvable) as caught:
            _resolve(case, seed=0)
        assert str(caught.value).startswith(expected["error_contains"])
        json.dumps(caught.value.rationale)
    else:
        for seed in SEEDS:
            _check(case, _resolve(case, seed), expected)


def _resolve(case: Mapping[str, Any], seed: int) -> Resolution:
    stubs = case.get("selectors", {})
    return resolve(
        load_job_request(case["request"]),
        catalog_of(case),
        seed=seed,
        command_selectors=_stubs(stubs.get("command")),
        cluster_selectors=_stubs(stubs.get("cluster")),
    )


def _stubs(answers: list[dict[str, Any]] | None) -> tuple[Selector, ...]:
    return DEFAULT_SELECTORS if answers is None else tuple(map(_stub, answers))


def _stub(answer: dict[str, Any]) -> Selector:
    def selector(choice: Choice) -> str | None:
        if answer.get("raises"):
            raise RuntimeError("a selector that fails")
        picked: str | None = answer["returns"]
        return picked

    return selector


def _check(case: Mapping[str, Any], found: Resolution, expected: Mapping[str, Any]) -> None:
    if "command" in expected:
        assert found.command.id == expected["command"]
    if "command_one_of" in expected:
        assert found.command.id in expected["command_one_of"]
    if "cluster" in expected:
        assert found.cluster.id == expected["cluster"]
    if "cluster_one_of" in expected:
        assert found.cluster.id in expected["cluster_one_of"]
    if "command_candidates" in expected:
        assert list(found.command_candidates) == expected["command_candidates"]
    if "cluster_candidates" in expected:
        candidates = {key: list(ids) for key, ids in found.cluster_candidates.items()}
        assert candidates == expected["cluster_candidates"]
    if "applications" in expected:
        assert [each.id for each in found.applications] == expected["applications"]
    if "timeout" in expected:
        assert found.timeout == expected["timeout"]
    if "resources" in expected:
        # A GPU can neither be asked for nor given.
        resources = {"cpu": found.cpu, "gpu": 0, "memory": found.memory}
        assert resources == expected["resources"]
    if "env_contains" in expected:
        environment = job_environment(
            load_job_request(case["request"]),
            command=found.command,
            cluster=found.cluster,
            memory=found.memory,
        )
        assert environment.items() >= expected["env_contains"].items()
        assert len(environment) == expected["env_count"]
