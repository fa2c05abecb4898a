"""Finds the entries of the catalog that others name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from ....models import catalog
from ....models.errors import NotFound
from ....models.resources import Application, Cluster, Command, Criterion
from ....models.snapshot import matches

Entry = TypeVar("Entry", Application, Command, Cluster)


def applications() -> list[Application]:
    """All applications."""
    return cast(list[Application], catalog.list_resources("applications"))


def commands() -> list[Command]:
    """All commands."""
    return cast(list[Command], catalog.list_resources("commands"))


def clusters() -> list[Cluster]:
    """All clusters."""
    return cast(list[Cluster], catalog.list_resources("clusters"))


def command(command_id: str) -> Command:
    """One command.

    Raises:
        NotFound: There is none with this id.
    """
    return cast(Command, catalog.get_resource("commands", command_id))


def cluster(cluster_id: str) -> Cluster:
    """One cluster.

    Raises:
        NotFound: There is none with this id.
    """
    return cast(Cluster, catalog.get_resource("clusters", cluster_id))


def named(kind: str, entries: list[Entry], ids: Iterable[str]) -> list[Entry]:
    """The entries of these ids, in their order, each once.

    Raises:
        NotFound: There is none with one of the ids.
    """
    known = {each.id: each for each in entries}
    for each in ids:
        if each not in known:
            raise NotFound(kind, each)
    return [known[each] for each in dict.fromkeys(ids)]


def of_status(entries: list[Entry], query: dict[str, Any]) -> list[Entry]:
    """Those of the statuses that are asked for; all, where none is."""
    return [each for each in entries if not query["status"] or each.status in query["status"]]


def asks_for(criterion: Criterion, found: Cluster) -> bool:
    """Whether a command's criterion means the cluster, whatever the cluster's status is now."""
    return matches(criterion, found, found.status)


def runs_on(one: Command, found: Cluster) -> bool:
    """Whether a command may run on a cluster, once that is UP."""
    return any(asks_for(criterion, found) for criterion in one.cluster_criteria)
