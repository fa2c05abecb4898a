"""The rule files: which tag group, and so which queue, a request belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Final

from marshmallow import ValidationError, fields, post_load, validates

from ..models.errors import InvalidInput
from ..models.fields import Number, TagSet, Text, WireSchema
from ..models.queues import RESERVED_GROUP_NAMES, valid_group_name
from ..models.resources import Criterion, JobRequest
from .files import files_of
from .positions import Document, read_documents, read_file

DEFAULT_GROUP: Final = "default"
_WHAT: Final = "rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a request must bear; all of it must hold, and an empty one always does."""

    #: All of them are tags of the job.
    tags: frozenset[str] = frozenset()
    #: One of the request's cluster criteria asks for all of them.
    cluster_tags: frozenset[str] = frozenset()
    #: The request's command criterion asks for all of them.
    command_tags: frozenset[str] = frozenset()

    def holds(self, request: JobRequest) -> bool:
        """Whether the request bears it all."""
        cluster = Criterion.of_tags(self.cluster_tags)
        command = Criterion.of_tags(self.command_tags)
        return (
            self.tags <= request.tags
            and any(_asks_for(cluster, asked) for asked in request.cluster_criteria)
            and _asks_for(command, request.command_criterion)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TagGroup:
    """A queue, and which requests belong to it."""

    name: str
    match: Match = Match()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """All the rules, in their order."""

    groups: tuple[TagGroup, ...] = ()
    #: Where the requests go that no group matches.
    default: str = DEFAULT_GROUP

    @property
    def names(self) -> tuple[str, ...]:
        """Every group that a request may belong to, each once; the default goes last."""
        listed = dict.fromkeys(group.name for group in self.groups)
        return tuple(dict.fromkeys((*listed, self.default)))

    def tag_group_of(self, request: JobRequest) -> str:
        """The first group that matches the request, or the default."""
        return next((g.name for g in self.groups if g.match.holds(request)), self.default)


def load_rules(path: Path | None = None) -> RuleSet:
    """Read the rules of a file, of a folder's files in the order of their names, or the built-in ones.

    Raises:
        InvalidInput: Something is wrong; every problem is named with its place.
    """
    problems: list[str] = []
    reader = _Reader()
    for document in _documents(path, problems):
        problems += reader.read(document)
    if problems:
        raise InvalidInput(_WHAT, problems)
    return reader.finish()


def _documents(path: Path | None, problems: list[str]) -> Iterator[Document]:
    if path is None:
        packaged = resources.files(__package__) / "default.yaml"
        yield from read_documents(packaged.read_bytes(), "default.yaml")
        return
    for file in files_of([path], _WHAT):
        try:
            yield from read_file(file)
        except InvalidInput as error:
            problems += error.problems


class _RuleSchema(WireSchema):
    """No key of a rule file is ignored."""

    ignored: ClassVar[frozenset[str]] = frozenset()


class _MatchSchema(_RuleSchema):
    tags = TagSet()
    cluster_tags = TagSet()
    command_tags = TagSet()

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Match:
        return Match(**data)


class _GroupSchema(_RuleSchema):
    name = Text(required=True)
    match = fields.Nested(_MatchSchema, load_default=Match())

    @validates("name")
    def _valid_name(self, name: str, **_: object) -> None:
        _check_name(name)

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> TagGroup:
        return TagGroup(**data)


class _FileSchema(_RuleSchema):
    version = Number(0, 2**31, required=True)
    tag_groups = fields.List(fields.Nested(_GroupSchema), load_default=())
    default = Text()

    @validates("version")
    def _known_version(self, version: int, **_: object) -> None:
        if version != 1:
            raise ValidationError(f"version {version} is not known, only 1 is")

    @validates("default")
    def _valid_default(self, name: str, **_: object) -> None:
        _check_name(name)


_FILE = _FileSchema()


class _Reader:
    """Collects the rules of one document after the other."""

    def __init__(self) -> None:
        self._groups: list[TagGroup] = []
        self._default: str | None = None
        self._places: dict[str, str] = {}

    def finish(self) -> RuleSet:
        """All that was read."""
        return RuleSet(groups=tuple(self._groups), default=self._default or DEFAULT_GROUP)

    def read(self, document: Document) -> Iterator[str]:
        """Read a document; yields its problems."""
        if not isinstance(document.data, dict):
            yield document.problem("", "expected a map with version, tag_groups and default")
            return
        try:
            rules = _FILE.load(document.data)
        except ValidationError as error:
            yield from document.problems(error)
            return
        for at, group in enumerate(rules["tag_groups"]):
            yield from self._once(document, f"tag_groups[{at}].name", f"the group {group.name!r}")
            self._groups.append(group)
        if "default" in rules:
            yield from self._once(document, "default", "the default")
            self._default = rules["default"]

    def _once(self, document: Document, path: str, what: str) -> Iterator[str]:
        if what in self._places:
            yield document.problem(path, f"{what} is given already, at {self._places[what]}")
        self._places.setdefault(what, document.place(path))


def _asks_for(wanted: Criterion, asked: Criterion) -> bool:
    return (
        wanted.tags <= asked.tags
        and wanted.id in (None, asked.id)
        and wanted.name in (None, asked.name)
    )


def _check_name(name: str) -> None:
    if name in RESERVED_GROUP_NAMES:
        raise ValidationError(f"{name!r} is the name of one of the fleet's own queues")
    if not valid_group_name(name):
        raise ValidationError(
            f"{name!r} is not a group's name: expected lower-case letters, digits, - and _, "
            "64 of them at most"
        )
