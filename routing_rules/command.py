"""`tagfleet resolve`: where a request would run, by files alone; no broker and no database."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.errors import InvalidInput, Unresolvable
from .catalog_files import read_catalog
from .explanation import render
from .groups import load_rules
from .printing import add_output, print_data
from .request_files import read_request
from .resolver import Resolution, resolve

#: The seed of a request that has no id: the same files give the same answer each time.
_SEED_WITHOUT_ID = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What is printed, and what the command exits with."""

    data: Mapping[str, Any]
    exit_code: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `tagfleet resolve`."""
    parser.add_argument(
        "--catalog",
        metavar="PATH",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        help="files and folders with applications, commands and clusters",
    )
    parser.add_argument(
        "--request", metavar="FILE", type=Path, required=True, help="the job request"
    )
    parser.add_argument("--rules", metavar="PATH", type=Path, help="a rule file, or a folder")
    parser.add_argument(
        "--seed", metavar="N", help="decides what is left to chance (default: the request's id)"
    )
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Run the command; 0: resolved, 1: nothing answers the request, 2: the request is refused.

    Raises:
        InvalidInput: The catalog, the rules or (with `--output table`) the request is refused.
    """
    outcome = _outcome(args)
    print_data(outcome.data, args.output, _text)
    return outcome.exit_code


def _outcome(args: argparse.Namespace) -> _Outcome:
    catalog = read_catalog(args.catalog).snapshot()
    rules = load_rules(args.rules)
    try:
        request, has_id = read_request(args.request)
    except InvalidInput as error:
        if args.output == "table":
            raise
        return _Outcome(data=_error_data(str(error)), exit_code=error.exit_code)
    group = rules.tag_group_of(request)
    seed = args.seed or (request.id if has_id else _SEED_WITHOUT_ID)
    try:
        resolution = resolve(request, catalog, seed=seed)
    except Unresolvable as error:
        data = _error_data(error.reason, tag_group=group, rationale=error.rationale)
        return _Outcome(data=data, exit_code=error.exit_code)
    return _Outcome(data=_resolved_data(resolution, group), exit_code=0)


def _resolved_data(resolution: Resolution, tag_group: str) -> dict[str, Any]:
    return {
        "outcome": "resolved",
        "command": resolution.command.id,
        "cluster": resolution.cluster.id,
        "applications": [application.id for application in resolution.applications],
        "commandCandidates": list(resolution.command_candidates),
        "clusterCandidates": {
            command: list(clusters) for command, clusters in resolution.cluster_candidates.items()
        },
        "tagGroup": tag_group,
        "timeout": resolution.timeout,
        "memory": resolution.memory,
        "cpu": resolution.cpu,
        "error": None,
        "rationale": resolution.rationale.as_data(),
    }


def _error_data(
    error: str, *, tag_group: str | None = None, rationale: Mapping[str, object] | None = None
) -> dict[str, Any]:
    return {
        "outcome": "error",
        "command": None,
        "cluster": None,
        "applications": [],
        "commandCandidates": [],
        "clusterCandidates": {},
        "tagGroup": tag_group,
        "error": error,
        "rationale": rationale,
    }


def _text(data: Mapping[str, Any]) -> str:
    if data["outcome"] == "error":
        lines = [f"Not resolved: {data['error']}", f"Tag group: {data['tagGroup']}"]
    else:
        lines = [
            f"Resolved: command {data['command']} on cluster {data['cluster']}",
            f"Applications: {', '.join(data['applications']) or 'none'}",
            f"Tag group: {data['tagGroup']}",
            f"Timeout: {data['timeout']} s, memory: {data['memory']} MB, CPU: {data['cpu']}",
        ]
    return "\n".join([*lines, "", "Why:", render(data["rationale"])])
