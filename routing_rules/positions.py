"""Reads YAML and JSON files as plain data that remembers where each value stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml
from marshmallow import ValidationError

from ..models.errors import InvalidInput
from ..models.problems import problems_of
from .json_files import read_json
from .scalars import plain_scalar

LARGEST_FILE: Final = 32 * 1024 * 1024
DEEPEST: Final = 100

#: Counted from 1.
Place: TypeAlias = tuple[int, int]
_Path: TypeAlias = tuple[str | int, ...]

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN_STYLES = (None, "")


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document of a file, and where its values and its keys are written.

    A JSON file has no positions: its problems are found by their path.
    """

    source: str
    data: Any
    positions: Mapping[_Path, Place] = field(default_factory=dict, repr=False)
    #: Of the keys, by the path of the value that each one names.
    keys: Mapping[_Path, Place] = field(default_factory=dict, repr=False)

    def problem(self, path: str, text: str, *, at_key: bool = False) -> str:
        """A sentence that starts with `file:line:column` of the path, or of its nearest parent."""
        place = self._place(path, self._keys if at_key else self._values)
        return ": ".join(filter(None, (place, path, text)))

    def problems(self, error: ValidationError, path: str = "") -> list[str]:
        """All that a schema found wrong with the value at the path."""
        return [
            self.problem(
                path if inner == "the whole" else _join(path, inner),
                text,
                at_key=text.startswith("unknown field"),
            )
            for inner, text in problems_of(error)
        ]

    def place(self, path: str) -> str:
        """`file:line:column` of the value at the path, or the file and the path."""
        return self._place(path, self._values) if self.positions else f"{self.source} ({path})"

    def _place(self, path: str, places: Mapping[str, Place]) -> str:
        if not self.positions:
            return self.source
        while path and path not in places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
            places = self._values
        line, column = places[path]
        return f"{self.source}:{line}:{column}"

    @cached_property
    def _values(self) -> dict[str, Place]:
        return {path_text(path): place for path, place in self.positions.items()}

    @cached_property
    def _keys(self) -> dict[str, Place]:
        return {path_text(path): place for path, place in self.keys.items()}


def read_file(path: Path) -> list[Document]:
    """The documents of a file; JSON if its name ends so, YAML otherwise.

    Raises:
        InvalidInput: It cannot be read; says where.
    """
    return read_documents(read_content(path), str(path))


def read_content(path: Path) -> bytes:
    """What is in a file, up to one byte more than may be.

    Raises:
        InvalidInput: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InvalidInput("file", [f"{path}: {error.strerror or error}"]) from error


def read_documents(content: bytes, source: str) -> list[Document]:
    """The documents of a file's content; empty ones are left out.

    Arguments:
        source: The file's name; JSON if it ends so, YAML otherwise.

    Raises:
        InvalidInput: It cannot be read; says where.
    """
    if len(content) > LARGEST_FILE:
        raise _refused(f"{source}: larger than {LARGEST_FILE // 1024**2} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(f"{source}:{line}: not UTF-8 (byte {error.start + 1})") from error
    if source.lower().endswith(".json"):
        return [Document(source=source, data=read_json(text, source, DEEPEST))]
    return list(_yaml_documents(text, source))


def path_text(path: _Path) -> str:
    """A path as people write it: `clusters[0].tags`."""
    text = ""
    for step in path:
        text = f"{text}[{step}]" if isinstance(step, int) else _join(text, step)
    return text


def _join(path: str, inner: str) -> str:
    return f"{path}.{inner}" if path and not inner.startswith("[") else path + inner


def _yaml_documents(text: str, source: str) -> Iterator[Document]:
    # Events rather than nodes: no recursion, so that no nesting can exhaust the stack,
    # and an alias is refused before anything could grow out of it.
    document = _Builder(source)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                document = _Builder(source)
            elif isinstance(event, yaml.DocumentEndEvent):
                if document.root is not None:
                    yield document.finish()
            elif not isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent):
                document.take(event)
    except yaml.MarkedYAMLError as error:
        raise _refused(_syntax_problem(error, source)) from error
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise _refused(f"{source}:{line}: a character that YAML does not allow") from error


def _syntax_problem(error: yaml.MarkedYAMLError, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
    return f"{where}: " + ", ".join(filter(None, (error.problem, error.context)))


@dataclass(slots=True)
class _Open:
    """A map or a list that is being read."""

    path: _Path
    content: dict[str, Any] | list[Any]
    #: The key whose value comes next; None when a key comes next.
    key: str | None = None


class _Builder:
    """Puts one document together, event by event."""

    def __init__(self, source: str) -> None:
        self.root: Any = None
        self._source = source
        self._open: list[_Open] = []
        self._values: dict[_Path, Place] = {}
        self._keys: dict[_Path, Place] = {}

    def finish(self) -> Document:
        """The document; call it after its last event."""
        return Document(
            source=self._source, data=self.root, positions=self._values, keys=self._keys
        )

    def take(self, event: yaml.Event) -> None:
        """Take the next event: a value, a key, or the start or end of a map or a list."""
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()
            return
        self._refuse_foreign(event)
        if self._open and self._open[-1].key is None and isinstance(self._open[-1].content, dict):
            self._take_key(event, self._open[-1], self._open[-1].content)
        elif isinstance(event, yaml.ScalarEvent):
            is_plain = event.style in _PLAIN_STYLES
            self._put(event, plain_scalar(event.value) if is_plain else event.value)
        else:
            content: dict[str, Any] | list[Any] = (
                {} if isinstance(event, yaml.MappingStartEvent) else []
            )
            if len(self._open) == DEEPEST:
                line, column = _place_of(event)
                raise _refused(
                    f"{self._source}:{line}:{column}: nested deeper than {DEEPEST} levels"
                )
            self._open.append(_Open(self._put(event, content), content))

    def _take_key(self, event: yaml.Event, parent: _Open, content: dict[str, Any]) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error(event, "a key must be text, not a map or a list")
        if event.value == "<<" and event.style in _PLAIN_STYLES:
            raise self._error(event, "merge keys are not allowed: write the values out")
        path = (*parent.path, event.value)
        if event.value in content:
            first, _ = self._keys[path]
            raise self._error(event, f"duplicate key {event.value!r} (first at line {first})")
        parent.key = event.value
        self._keys[path] = _place_of(event)

    def _put(self, event: yaml.Event, value: Any) -> _Path:
        """Put a value where it belongs; returns its path."""
        path: _Path = ()
        if not self._open:
            self.root = value
        elif isinstance(content := self._open[-1].content, list):
            path = (*self._open[-1].path, len(content))
            content.append(value)
        elif (key := self._open[-1].key) is not None:
            path = (*self._open[-1].path, key)
            content[key] = value
            self._open[-1].key = None
        self._values[path] = _place_of(event)
        return path

    def _refuse_foreign(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise self._error(event, "aliases (*name) are not allowed: write the value out")
        if getattr(event, "anchor", None) is not None:
            raise self._error(event, "anchors (&name) are not allowed")
        # "!" alone says "not a plain value", which the quotes say already.
        if (tag := getattr(event, "tag", None)) not in (None, "!"):
            raise self._error(event, f"the tag {tag} is not allowed: quote what must be text")

    def _error(self, event: yaml.Event, text: str) -> InvalidInput:
        line, column = _place_of(event)
        path = path_text(self._open[-1].path) if self._open else ""
        return _refused(": ".join(filter(None, (f"{self._source}:{line}:{column}", path, text))))


def _place_of(event: yaml.Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _refused(problem: str) -> InvalidInput:
    return InvalidInput("file", [problem])
