"""A decision with all its reasons: as data that can be stored, and as a tree of lines to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..models.errors import Unresolvable
from ..models.schemas import dump_job_request
from .decide import Decision
from .explanation import render
from .resolver import resolve

_INDENT: Final = "  "


def decision_data(decision: Decision) -> dict[str, Any]:
    """The decision as JSON data: what `render_decision` reads."""
    resolution = decision.resolution
    return {
        "outcome": str(decision.outcome),
        "reason": decision.reason,
        "rule": decision.rule,
        "rules": list(decision.rules),
        "tagGroup": decision.tag_group,
        "command": resolution.command.id if resolution else None,
        "cluster": resolution.cluster.id if resolution else None,
        "applications": [each.id for each in resolution.applications] if resolution else [],
        "timeout": resolution.timeout if resolution else decision.request.timeout,
        "memory": resolution.memory if resolution else decision.request.memory,
        "cpu": resolution.cpu if resolution else decision.request.cpu,
        "priority": decision.request.priority,
        "changed": _changed(decision),
        "trace": trace_data(decision),
        "rationale": _rationale(decision),
    }


def trace_data(decision: Decision) -> list[dict[str, Any]]:
    """What each rule says, as JSON data."""
    return [
        {
            "kind": verdict.kind,
            "name": verdict.name,
            "applies": verdict.applies,
            "says": list(verdict.says),
        }
        for verdict in decision.trace
    ]


def render_decision(data: Mapping[str, Any]) -> str:
    """The data of a decision as text."""
    return "\n".join(_lines(data))


def _changed(decision: Decision) -> dict[str, Any]:
    """The fields of the request that rules filled in or forced, as they are now."""
    before, after = (
        dump_job_request(request) for request in (decision.question.request, decision.request)
    )
    return {key: value for key, value in after.items() if before.get(key) != value}


def _rationale(decision: Decision) -> Mapping[str, object] | None:
    """Which commands and clusters answer the request; also of one that was not let in."""
    if decision.resolution is not None:
        return decision.resolution.rationale.as_data()
    if decision.rationale is not None or decision.question.catalog is None:
        return decision.rationale
    try:
        seed = decision.question.seed
        return resolve(decision.request, decision.question.catalog, seed=seed).rationale.as_data()
    except Unresolvable as error:
        return error.rationale


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"Outcome: {data['outcome']}"
    yield f"Because: {data['reason']}"
    yield f"Tag group: {data['tagGroup'] or 'none'}"
    if data.get("rulesDigest"):
        version = f"version {data['rulesVersion']}, " if data["rulesVersion"] else ""
        yield f"Rules: {version}{data['rulesDigest'][:12]}"
    if data["command"]:
        yield f"Command {data['command']} on cluster {data['cluster']}"
        yield f"Timeout: {data['timeout']} s, memory: {data['memory']} MB, CPU: {data['cpu']}"
    if data["changed"]:
        yield "Changed by the rules:"
        for key, value in data["changed"].items():
            yield f"{_INDENT}{key}: {json.dumps(value, ensure_ascii=False)}"
    yield from _verdicts("Rules:", [each for each in data["trace"] if each["kind"] != "pool"])
    pools = [each for each in data["trace"] if each["kind"] == "pool"]
    yield from _verdicts("Pools, in the order in which they are asked:", pools)
    if data["rationale"]:
        let_in = data["outcome"] in ("routed", "no_cluster", "held")
        yield f"Commands and clusters{'' if let_in else ', if it were let in'}:"
        yield from (_INDENT + line for line in render(data["rationale"]).splitlines())


def _verdicts(title: str, verdicts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if verdicts:
        yield title
    for verdict in verdicts:
        mark = {"pool": "*"}.get(verdict["kind"], "+" if verdict["applies"] else "-")
        yield f"{_INDENT}{mark} {verdict['kind']} {verdict['name']}"
        yield from (f"{_INDENT * 3}{each}" for each in verdict["says"])
