"""`tagfleet rules canary`: canaries that were stopped, and the one command that lets them go on."""

from __future__ import annotations

import argparse
from typing import Any

from ...models import canaries
from ...models.embedded_mongodb import database_for
from ...models.errors import InvalidInput
from ...models.printing import add_output, print_data, print_table
from ...models.settings import Settings
from ..rules_in_force import rules_in_force
from .rules_applied import user_name


def add_verb(verbs: Any) -> None:
    """Describe the verbs."""
    canary = verbs.add_parser("canary", help="canaries that were stopped, and how they go on")
    inner = canary.add_subparsers(metavar="VERB", required=True)
    verb = inner.add_parser(
        "status", help="each pool that has a canary, and whether it was stopped"
    )
    add_output(verb)
    verb.set_defaults(run=_status)
    verb = inner.add_parser("resume", help="let a stopped canary go on")
    verb.add_argument("pool", metavar="POOL")
    verb.add_argument("--by", metavar="NAME", help="who does it (default: this user)")
    verb.set_defaults(run=_resume)


def _status(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        rules = rules_in_force(settings)
        known = {each.pool: each for each in canaries.looked_at(rules.name)}
    rows = []
    for name, pool in sorted(rules.rules.pools.items()):
        target = pool.canary
        if target is None:
            continue
        found = known.get(name)
        state = "runs" if found is None else "resumed" if found.resumed else "stopped"
        rows.append(
            {
                "pool": name,
                "canary": str(target),
                "weight": target.weight,
                "state": state,
                "reason": found.reason if found else None,
            }
        )
    if arguments.output == "table":
        print_table(rows, ["pool", "canary", "weight", "state", "reason"])
    else:
        print_data(rows, arguments.output)
    return 0


def _resume(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        rules = rules_in_force(settings)
        if not canaries.resume(rules.name, arguments.pool, by=arguments.by or user_name()):
            stopped = ", ".join(sorted(canaries.stopped_pools(rules.name))) or "none"
            raise InvalidInput(
                "POOL", [f"the canary of {arguments.pool!r} is not stopped; stopped are: {stopped}"]
            )
    print(f"The canary of the pool {arguments.pool} gets jobs again.")
    return 0
