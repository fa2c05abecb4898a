"""Changes of a catalog that are tried out: tags moved, given or taken, clusters drained."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ...models.errors import InvalidInput
from ...models.resources import Cluster
from ...models.snapshot import CatalogSnapshot
from ...models.states import ClusterStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogChanges:
    """What is asked for on the command line, as it was written there."""

    #: `TAG,...=CLUSTER_FROM:CLUSTER_TO`
    move_tags: Sequence[str] = ()
    #: `CLUSTER:TAG,...`
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()
    #: `CLUSTER`
    drain: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedCatalog:
    """A catalog, and what was changed about it, in words."""

    catalog: CatalogSnapshot
    said: tuple[str, ...] = ()


def changed(catalog: CatalogSnapshot, changes: CatalogChanges) -> ChangedCatalog:
    """The catalog with the changes.

    Raises:
        InvalidInput: A change names a cluster that is not there, or a tag that its cluster has not.
    """
    editor = _Editor(catalog.clusters)
    for option, texts, apply in (
        ("--move-tags", changes.move_tags, editor.move),
        ("--remove-tags", changes.remove_tags, editor.remove),
        ("--add-tags", changes.add_tags, editor.add),
        ("--drain", changes.drain, editor.drain),
    ):
        for text in texts:
            _apply(option, apply, text)
    if not editor.said:
        return ChangedCatalog(catalog=catalog)
    return ChangedCatalog(
        catalog=CatalogSnapshot(
            applications=catalog.applications,
            commands=catalog.commands,
            clusters=editor.clusters.values(),
        ),
        said=tuple(editor.said),
    )


def _apply(option: str, apply: Callable[[str], None], text: str) -> None:
    try:
        apply(text)
    except ValueError as error:
        raise InvalidInput(f"{option} {text}", [str(error)]) from error


class _Editor:
    """The clusters, changed one by one."""

    def __init__(self, clusters: Iterable[Cluster]) -> None:
        self.clusters = {each.id: each for each in clusters}
        self.said: list[str] = []

    def move(self, text: str) -> None:
        tags, _, ends = text.rpartition("=")
        # Tags and ids may have colons of their own: the one is meant that has a cluster on each side.
        splits = ((ends[:at], ends[at + 1 :]) for at, letter in enumerate(ends) if letter == ":")
        pairs = [pair for pair in splits if all(end in self.clusters for end in pair)]
        if not pairs or not tags:
            source, _, target = ends.partition(":")
            for end in (source, target) if tags and target else ():
                self._cluster(end)  # says which of them is not there
            raise ValueError("expected TAG=CLUSTER_FROM:CLUSTER_TO")
        source, target = pairs[0]
        found = self._take(source, _tags(tags))
        self._give(target, found)
        self.said.append(f"{', '.join(sorted(found))} moved from {source} to {target}")

    def add(self, text: str) -> None:
        cluster_id, tags = self._with_tags(text)
        self._give(cluster_id, tags)
        self.said.append(f"{', '.join(sorted(tags))} given to {cluster_id}")

    def remove(self, text: str) -> None:
        cluster_id, tags = self._with_tags(text)
        self._take(cluster_id, tags)
        self.said.append(f"{', '.join(sorted(tags))} taken from {cluster_id}")

    def drain(self, text: str) -> None:
        cluster = self._cluster(text)
        self.clusters[text] = replace(cluster, status=ClusterStatus.OUT_OF_SERVICE)
        self.said.append(f"{text} drained")

    def _with_tags(self, text: str) -> tuple[str, frozenset[str]]:
        known = [each for each in self.clusters if text.startswith(each + ":")]
        cluster_id = max(known, key=len, default=text.partition(":")[0])
        self._cluster(cluster_id)
        return cluster_id, _tags(text[len(cluster_id) + 1 :])

    def _take(self, cluster_id: str, tags: frozenset[str]) -> frozenset[str]:
        cluster = self._cluster(cluster_id)
        if missing := sorted(tags - cluster.tags):
            raise ValueError(f"cluster {cluster_id!r} has no tag {', '.join(missing)}")
        self.clusters[cluster_id] = replace(cluster, tags=cluster.tags - tags)
        return tags

    def _give(self, cluster_id: str, tags: frozenset[str]) -> None:
        cluster = self._cluster(cluster_id)
        self.clusters[cluster_id] = replace(cluster, tags=cluster.tags | tags)

    def _cluster(self, cluster_id: str) -> Cluster:
        found = self.clusters.get(cluster_id)
        if found is None:
            near = difflib.get_close_matches(cluster_id, self.clusters, n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"no cluster {cluster_id!r} in the catalog{hint}")
        return found


def _tags(text: str) -> frozenset[str]:
    found = frozenset(tag.strip() for tag in text.split(",")) - {""}
    if not found:
        raise ValueError("expected at least one tag")
    return found
