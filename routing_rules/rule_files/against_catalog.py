"""What rules ask for that nothing in a catalog has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from ...models.resources import ID_TAG, NAME_TAG, Cluster, Command
from ...models.snapshot import CatalogSnapshot
from ...models.states import ClusterStatus
from ..matching import Tags
from ..patterns import Patterns
from ..pools import Pool
from .known import nearest
from .reader import RuleFiles


def missing_in_catalog(files: RuleFiles, catalog: CatalogSnapshot) -> Iterator[str]:
    """One sentence each, with its place. Clusters that are TERMINATED count as gone."""
    clusters = [each for each in catalog.clusters if each.status is not ClusterStatus.TERMINATED]
    borne = {"cluster": _borne(clusters), "command": _borne(catalog.commands)}
    for rule in files.rules.rules:
        written = files.written["rules", rule.name]
        for what, tags in borne.items():
            asked: Tags | None = getattr(rule.match, f"{what}_tags")
            for text in _missing(asked, tags):
                yield written.problem(
                    f"no {what} of the catalog has the tag {text!r}{nearest(text, tags)}",
                    f"match.{what}_tags",
                )
    for pool in files.rules.pools.values():
        for at, text in _missing_targets(pool, clusters):
            yield files.written["pools", pool.name].problem(text, f"targets[{at}]")


def _borne(resources: Sequence[Cluster] | Sequence[Command]) -> frozenset[str]:
    """All tags that something has, those for id and name included."""
    own = ((ID_TAG + each.id, NAME_TAG + each.name) for each in resources)
    return frozenset(chain(*(each.tags for each in resources), *own))


def _missing(asked: Tags | None, borne: frozenset[str]) -> Iterator[str]:
    if asked is None:
        return
    given = (*asked.all, *filter(None, (asked.any, asked.none)))
    for text in dict.fromkeys(chain(*(patterns.texts for patterns in given))):
        if not Patterns((text,)).match_any(borne):
            yield text


def _missing_targets(pool: Pool, clusters: Sequence[Cluster]) -> Iterator[tuple[int, str]]:
    for at, target in enumerate(pool.targets):
        if pool.of_target(target, clusters):
            continue
        if target.cluster is not None:
            near = nearest(target.cluster, [each.id for each in clusters])
            yield at, f"the catalog has no cluster {target.cluster!r}{near}"
        else:
            tags = frozenset(chain(*(each.tags for each in clusters)))
            unknown = [f"{tag!r}{nearest(tag, tags)}" for tag in sorted(target.tags - tags)]
            yield (
                at,
                (
                    f"no cluster of the catalog has the tag {'; nor '.join(unknown)}"
                    if unknown
                    else f"no cluster of the catalog has all of the tags {target}"
                ),
            )
