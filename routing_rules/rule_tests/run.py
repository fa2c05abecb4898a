"""Runs tests of rules: decides about each case, and compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ...models.resources import JobRequest
from ...models.schemas import dump_job_request
from ...models.snapshot import CatalogSnapshot
from ...models.states import ClusterStatus
from ..catalog_files import read_catalog
from ..decide import Decision, decide
from ..decision_text import decision_data, render_decision
from ..pools import Sticky
from ..rule_files.reader import read_rules
from ..rules import RuleSet
from .cases import Case, Expected, read_cases

#: Of how many jobs the shares of clusters are taken.
JOBS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a case went."""

    name: str
    #: What is not as expected, each with the place of the expectation.
    problems: tuple[str, ...]
    #: Why it was decided so, as a text; empty when all is as expected.
    explanation: str = ""


def run_tests(path: Path) -> Iterator[Result]:
    """Run the tests of a file.

    Raises:
        InvalidInput: The file, or one that it names, is refused.
    """
    file = read_cases(path)
    rules = read_rules(file.rules).rules
    for at, case in enumerate(file.cases):
        situation = _Situation(rules, _catalog(case.catalog or file.catalog, case.down), case)
        decision = situation.decide(case.request, case.seed)
        wrong = [*_differences(case.expect, decision)]
        if case.expect.clusters:
            wrong += _share_differences(case.expect, situation.shares())
        yield Result(
            name=case.name,
            problems=tuple(
                file.document.problem(f"tests[{at}].expect.{key}", f"{case.name!r}: {text}")
                for key, text in wrong
            ),
            explanation=render_decision(decision_data(decision)) if wrong else "",
        )


@dataclass(frozen=True, slots=True)
class _Situation:
    """All that a case is decided by, but the request."""

    rules: RuleSet
    catalog: CatalogSnapshot | None
    case: Case

    def decide(self, request: JobRequest, seed: str) -> Decision:
        """What becomes of the request."""
        return decide(
            request,
            self.rules,
            self.catalog,
            usage=self.case.usage,
            moment=self.case.moment,
            seed=seed,
        )

    def shares(self) -> Mapping[str, float]:
        """Which share of many such jobs each cluster gets, in percent; or what else becomes of them."""
        found: Counter[str] = Counter()
        for number in range(JOBS):
            decision = self.decide(_varied(self.case, number), str(number))
            found[decision.resolution.cluster.id if decision.resolution else decision.outcome] += 1
        return {name: count * 100 / JOBS for name, count in found.items()}


def _varied(case: Case, number: int) -> JobRequest:
    """The request of another job, or that of another user, or with another name."""
    request = replace(case.request, id=f"{case.request.id}-{number}")
    if case.expect.vary is Sticky.USER:
        return replace(request, user=f"{request.user}-{number}")
    if case.expect.vary is Sticky.NAME:
        return replace(request, name=f"{request.name}-{number}")
    return request


def _differences(expected: Expected, decision: Decision) -> Iterator[tuple[str, str]]:
    """What is not as expected: the key of the expectation, and a sentence."""
    resolution = decision.resolution
    found = {
        "outcome": decision.outcome,
        "queue": decision.tag_group,
        "command": resolution.command.id if resolution else None,
        "cluster": resolution.cluster.id if resolution else None,
        "rule": decision.rule,
        "rules": decision.rules,
    }
    for key, value in found.items():
        wanted = getattr(expected, key)
        if wanted is not None and wanted != value:
            yield key, f"expected {_shown(wanted)}, got {_shown(value)}"
    if expected.reason is not None and expected.reason not in decision.reason:
        yield "reason", f"expected {expected.reason!r} in {decision.reason!r}"
    yield from _request_differences(expected.request, dump_job_request(decision.request))


def _request_differences(
    expected: Mapping[str, Any], found: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    for key, wanted in expected.items():
        value = found.get(key)
        if isinstance(wanted, Mapping) and isinstance(value, Mapping):
            value = {inner: value.get(inner) for inner in wanted}
        if wanted != value:
            yield f"request.{key}", f"expected {_shown(wanted)}, got {_shown(value)}"


def _share_differences(
    expected: Expected, shares: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    for name, share in sorted(shares.items()):
        wanted = expected.clusters.get(name)
        if wanted is None:
            yield "clusters", f"{name} gets {share:g} % of {JOBS} jobs, and was not expected"
    for name, wanted in expected.clusters.items():
        share = shares.get(name, 0)
        if abs(share - wanted) > expected.within:
            yield (
                f"clusters.{name}",
                f"expected {wanted:g} % of {JOBS} jobs within {expected.within:g} points, "
                f"got {share:g} %",
            )


@lru_cache(maxsize=32)  # the cases of a file have a catalog in common, usually
def _catalog(paths: tuple[Path, ...], down: frozenset[str]) -> CatalogSnapshot | None:
    if not paths:
        return None
    files = read_catalog(paths)
    return CatalogSnapshot(
        applications=files.applications,
        commands=files.commands,
        clusters=[
            replace(each, status=ClusterStatus.OUT_OF_SERVICE) if each.id in down else each
            for each in files.clusters
        ],
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
