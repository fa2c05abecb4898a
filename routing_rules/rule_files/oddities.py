"""What is no error in a set of rules, but hardly meant: unreachable, unused, missing."""

from __future__ import annotations

from collections.abc import Iterator

from ..matching import Match
from ..rules import Rule, RuleSet
from .reader import MAPS, RuleFiles, Written


def oddities(files: RuleFiles) -> Iterator[str]:
    """One sentence each, with its place."""
    yield from _unreachable(files)
    yield from _no_catch_all(files)
    yield from _impossible(files)
    yield from _twice(files)
    yield from _unused(files)


def _unreachable(files: RuleFiles) -> Iterator[str]:
    """Routes that never take a request, because another rule does so before.

    Conservative: what is told is so, but two rules that only together leave nothing are not found.
    """
    earlier: list[Rule] = [*files.rules.deny]
    for route in files.rules.routes:
        if route.disabled:
            continue
        first = next((rule for rule in earlier if rule.covers(route)), None)
        if first is not None:
            what = "denied" if first.kind == "deny" else "taken"
            yield _written(files, route).problem(
                f"never reached: all that it would take is {what} by {first.name!r} before"
            )
        earlier.append(route)


def _no_catch_all(files: RuleFiles) -> Iterator[str]:
    if not any(_takes_everything(route) for route in files.rules.routes):
        yield _written(files, files.rules.routes[-1]).problem(
            "the last route is no catch-all: a request that no route takes is refused"
        )


def _takes_everything(rule: Rule) -> bool:
    return rule.match == Match() and not rule.when and not rule.disabled


def _impossible(files: RuleFiles) -> Iterator[str]:
    for rule in files.rules.rules:
        if rule.match.is_impossible:
            yield _written(files, rule).problem("never applies: it excludes what it asks for")


def _twice(files: RuleFiles) -> Iterator[str]:
    for pool in files.rules.pools.values():
        targets = [str(target) for target in pool.targets]
        for at, target in enumerate(targets):
            if target in targets[:at]:
                yield files.written["pools", pool.name].problem(
                    f"the pool has the target {target} already", f"targets[{at}]"
                )


def _unused(files: RuleFiles) -> Iterator[str]:
    says = {
        "sets": "nothing refers to this set",
        "windows": "nothing refers to this window",
        "queues": "no route leads to this queue",
        "pools": "no route and no other pool leads to this pool",
    }
    for (section, name), written in files.written.items():
        if section in MAPS and (section, name) not in files.used:
            yield written.problem(says[section])


def _written(files: RuleFiles, rule: Rule) -> Written:
    return files.written["rules", rule.name]


def summary(rules: RuleSet) -> str:
    """What a set of rules consists of, on one line."""
    counts = (
        (len(rules.tag_groups), "queue"),
        (len(rules.pools), "pool"),
        (len(list(rules.rules)), "rule"),
    )
    return ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)
