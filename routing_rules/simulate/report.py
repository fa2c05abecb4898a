"""What a simulation came to, as JSON data: what the table and the page are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ..decide import Outcome
from .load import Load
from .replay import DIMENSIONS
from .rulings import Place
from .simulation import Side, Simulation
from .tally import CONDITIONS, Group, Held

#: Rises when what is said below changes its meaning or is gone; new keys may come at any time.
VERSION: Final = 1
_NONE: Final = Load()


def report_data(found: Simulation, fail_on: Iterable[str] = ()) -> dict[str, Any]:
    """The simulation as JSON data.

    Arguments:
        fail_on: Keys of CONDITIONS, of which one fails that holds for any job.
    """
    tally = found.tally
    old, new = tally.outcomes
    wanted = list(dict.fromkeys(fail_on))
    return {
        "version": VERSION,
        "jobs": tally.jobs,
        "skipped": tally.skipped,
        "from": _time(tally.first),
        "to": _time(tally.last),
        "withoutTimes": tally.without_times,
        "withoutRunTime": tally.without_run_time,
        "groupsByProducer": tally.groups_by_producer,
        "before": _side(found.before),
        "after": _side(found.after),
        "unchanged": tally.unchanged,
        "conditions": {name: tally.conditions[name] for name in CONDITIONS},
        "failOn": wanted,
        "failed": [name for name in wanted if tally.conditions[name]],
        "outcomes": [
            {"outcome": str(each), "before": old[each], "after": new[each]} for each in Outcome
        ],
        "limits": _limits(tally.held),
        "movements": [
            {"before": _place(before), "after": _place(after), **_group(group)}
            for (before, after), group in _most_first(tally.movements)
        ],
        "unroutable": [
            {
                "outcome": str(outcome),
                "reason": reason,
                "nearest": nearest,
                "new": group.new,
                **_group(group),
            }
            for (outcome, reason, nearest), group in _most_first(tally.reasons)
        ],
        **{name: _loads(*(replay.loads[name] for replay in found.replays)) for name in DIMENSIONS},
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "rules": side.rules_name,
        "digest": side.digest,
        "catalog": side.catalog_name,
        "changes": list(side.changes),
    }


def _limits(sides: Sequence[Held]) -> dict[str, Any]:
    names = {name for held in sides for name in (*held.held, *held.rejected)}
    return {
        **{
            when: {
                "held": held.jobs,
                "meanHeldSeconds": round(held.seconds / held.jobs, 1) if held.jobs else 0.0,
                "longestHeldSeconds": round(held.longest_seconds, 1),
            }
            for when, held in zip(("before", "after"), sides, strict=True)
        },
        "rules": [
            {
                "rule": name,
                **{
                    when: {"held": held.held[name], "rejected": held.rejected[name]}
                    for when, held in zip(("before", "after"), sides, strict=True)
                },
            }
            for name in sorted(names)
        ],
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "outcome": str(place.outcome),
        "cluster": place.cluster,
        "tagGroup": place.tag_group,
        "pool": place.pool,
        "command": place.command,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "jobs": group.jobs,
        "runHours": round(group.run_seconds / 3600, 3),
        "examples": list(group.examples),
    }


def _most_first(groups: Mapping[Any, Group]) -> list[tuple[Any, Any]]:
    return sorted(groups.items(), key=lambda item: (-item[1].jobs, repr(item[0])))


def _loads(before: Mapping[str, Load], after: Mapping[str, Load]) -> list[dict[str, Any]]:
    """By name; what has most jobs first."""
    names = sorted(
        {*before, *after},
        key=lambda name: (
            -max(before.get(name, _NONE).jobs, after.get(name, _NONE).jobs),
            name,
        ),
    )
    return [
        {
            "name": name,
            "before": before.get(name, _NONE).as_data(),
            "after": after.get(name, _NONE).as_data(),
        }
        for name in names
    ]


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
