"""Reads the catalog from files: applications, commands and clusters, each with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

from ..models.errors import InvalidInput
from ..models.fields import WireSchema
from ..models.resources import AnyResource, Application, Cluster, Command
from ..models.schemas import CATALOG_SCHEMAS
from ..models.snapshot import CatalogSnapshot
from .files import files_of
from .positions import Document, read_file


class _DocumentSchema(WireSchema):
    """The keys of a catalog document; the entries are checked one by one."""

    ignored: ClassVar[frozenset[str]] = frozenset()

    applications = fields.List(fields.Raw())
    commands = fields.List(fields.Raw())
    clusters = fields.List(fields.Raw())


_DOCUMENT = _DocumentSchema()


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFiles:
    """What the files hold, in their order."""

    applications: tuple[Application, ...] = ()
    commands: tuple[Command, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    #: Where each resource is written, by kind ("applications", ...) and id.
    places: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)

    def snapshot(self) -> CatalogSnapshot:
        """The files as a catalog of their own."""
        return CatalogSnapshot(
            applications=self.applications, commands=self.commands, clusters=self.clusters
        )


def read_catalog(paths: Iterable[Path]) -> CatalogFiles:
    """Read files and folders (all the way down) as one catalog.

    Raises:
        InvalidInput: Something is wrong; every problem is named with its place.
    """
    reader = _Reader()
    problems: list[str] = []
    for path in files_of(paths, "catalog"):
        try:
            documents = read_file(path)
        except InvalidInput as error:
            problems += error.problems
            continue
        for document in documents:
            problems += reader.read(document)
    if problems:
        raise InvalidInput("catalog", problems)
    return reader.finish()


def check_references(files: CatalogFiles, known_application_ids: Collection[str] = ()) -> list[str]:
    """The applications that commands name but that nobody has, each with its command's place.

    Arguments:
        known_application_ids: Those that exist already, outside of the files.
    """
    known = {*known_application_ids, *(each.id for each in files.applications)}
    return [
        f"{files.places['commands', command.id]}: command {command.id!r} names the application "
        f"{application_id!r}, which does not exist"
        for command in files.commands
        for application_id in command.applications
        if application_id not in known
    ]


class _Reader:
    """Collects the resources of one document after the other."""

    def __init__(self) -> None:
        self._found: dict[str, list[Any]] = {kind: [] for kind in CATALOG_SCHEMAS}
        self._places: dict[tuple[str, str], str] = {}

    def finish(self) -> CatalogFiles:
        """All that was read."""
        return CatalogFiles(
            applications=tuple(self._found["applications"]),
            commands=tuple(self._found["commands"]),
            clusters=tuple(self._found["clusters"]),
            places=self._places,
        )

    def read(self, document: Document) -> Iterator[str]:
        """Read a document; yields its problems."""
        if not isinstance(document.data, dict):
            yield document.problem("", "expected a map with applications, commands or clusters")
            return
        try:
            lists: dict[str, Sequence[Any]] = _DOCUMENT.load(document.data)
        except ValidationError as error:
            yield from document.problems(error)
            return
        for kind in CATALOG_SCHEMAS:
            for at, entry in enumerate(lists.get(kind, ())):
                yield from self._read_entry(document, kind, f"{kind}[{at}]", entry)

    def _read_entry(self, document: Document, kind: str, path: str, entry: object) -> Iterator[str]:
        if not isinstance(entry, dict):
            yield document.problem(path, "expected a map")
            return
        if entry.get("id") is None:
            # A generated id would make a new resource of it each time the file is applied.
            yield document.problem(path, "an id is required in a file")
        try:
            resource: AnyResource = CATALOG_SCHEMAS[kind].load(entry)
        except ValidationError as error:
            yield from document.problems(error, path)
            return
        first = self._places.get((kind, resource.id))
        if first is not None:
            yield document.problem(
                f"{path}.id", f"{resource.id!r} is the id of another one, at {first}"
            )
            return
        self._places[kind, resource.id] = document.place(f"{path}.id")
        self._found[kind].append(resource)
