"""Reads rule files as one set of rules, and remembers where everything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeAlias

from marshmallow import ValidationError

from ...models.errors import InvalidInput
from ..files import files_of
from ..pools import Pool
from ..positions import Document, read_content, read_documents
from ..rules import RuleSet
from .known import Known, knowing
from .many import each_named
from .sections import FileSchema, SetMap, WindowSchema

WHAT: Final = "rules"
#: The rules of a fleet that has none of its own; packaged beside this folder.
BUILT_IN: Final = "default.yaml"
MAPS: Final = ("sets", "windows", "queues", "pools")
LISTS: Final = ("deny", "defaults", "overrides", "routes", "limits")

#: What rule files hold, by their names.
Texts: TypeAlias = Mapping[str, bytes]

_PACKAGE: Final = __package__.rpartition(".")[0]
_FILE: Final = FileSchema()
_FILE_TESTS: Final = (".test.yaml", ".test.yml", ".test.json")

#: A section's name and a name in it; all rules share the section "rules", as they share their names.
_Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where something is written."""

    document: Document
    #: Of the whole of it: "routes[2]", "pools.sla".
    path: str

    @property
    def place(self) -> str:
        """`file:line:column` of its name."""
        return self.problem("").removesuffix(f": {self._name}")

    def problem(self, text: str, inner: str = "") -> str:
        """A sentence that starts with the place of its name, or of a part of it.

        Arguments:
            inner: The path of the part.
        """
        if inner:
            return self.document.problem(f"{self.path}.{inner}", text)
        return self.document.problem(self._name, text, at_key=self._name == self.path)

    @property
    def _name(self) -> str:
        """Where its name stands: a rule has it as a value, what is in a map as its key."""
        return f"{self.path}.name" if self.path.endswith("]") else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFiles:
    """What rule files hold."""

    rules: RuleSet
    #: By section ("sets", "windows", "queues", "pools", "rules") and name.
    written: Mapping[_Key, Written] = field(repr=False)
    #: Section and name of everything that something refers to.
    used: frozenset[_Key] = field(repr=False)


def read_rules(paths: Sequence[Path]) -> RuleFiles:
    """Read files, and folders in the order of their files' names, as one set; none: the built-in rules.

    Tests of rules (`*.test.yaml`) in a folder are left out.

    Raises:
        InvalidInput: Something is wrong; every problem is named with its place.
    """
    return read_rule_texts(rule_texts(paths))


def rule_texts(paths: Sequence[Path]) -> Texts:
    """The contents of the files that `read_rules` reads, in its order, by their paths as given.

    Raises:
        InvalidInput: A file cannot be read.
    """
    if not paths:
        return {BUILT_IN: (resources.files(_PACKAGE) / BUILT_IN).read_bytes()}
    files = [
        file
        for file in files_of(paths, WHAT)
        if file in paths or not file.name.endswith(_FILE_TESTS)
    ]
    problems: list[str] = []
    texts = {}
    for file in files:
        try:
            texts[str(file)] = read_content(file)
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(WHAT, problems)
    return texts


def read_rule_texts(texts: Texts) -> RuleFiles:
    """Read the contents of rule files as one set.

    Arguments:
        texts: In their order, by the names under which problems tell of them.

    Raises:
        InvalidInput: Something is wrong; every problem is named with its place.
    """
    problems: list[str] = []
    documents = list(_documents(texts, problems))
    reader = _Reader()
    with knowing(_known(documents)) as known:
        for document in documents:
            problems += reader.read(document)
    # What a broken file would have declared is not missing.
    if not problems:
        problems += reader.check()
    if problems:
        raise InvalidInput(WHAT, problems)
    return reader.finish(known)


def _documents(texts: Texts, problems: list[str]) -> Iterator[Document]:
    for name, content in texts.items():
        try:
            yield from read_documents(content, name)
        except InvalidInput as error:
            problems += error.problems


def _known(documents: Iterable[Document]) -> Known:
    """The names of all files: a rule may refer to what a later one declares."""
    sets: dict[str, tuple[str, ...]] = {}
    windows: dict[str, Any] = {}
    names: dict[str, set[str]] = {section: set() for section in MAPS}
    for document in documents:
        for section in MAPS:
            names[section].update(_map(document, section))
        # What is wrong with a set or a window is reported when its section is read.
        for name, value in _map(document, "sets").items():
            with suppress(ValidationError):
                sets |= SetMap().deserialize({name: value})
        for name, value in _map(document, "windows").items():
            with suppress(ValidationError):
                windows |= each_named({name: value}, _window)
    return Known(
        sets=sets,
        windows=windows,
        names={section: frozenset(found) for section, found in names.items()},
    )


def _window(name: str, value: Any) -> object:
    schema = WindowSchema()
    return schema.make(name, schema.load(value))


def _map(document: Document, section: str) -> Mapping[str, Any]:
    found = document.data.get(section) if isinstance(document.data, dict) else None
    return found if isinstance(found, dict) else {}


class _Reader:
    """Collects the rules of one document after the other."""

    def __init__(self) -> None:
        self._maps: dict[str, dict[str, Any]] = {section: {} for section in MAPS}
        self._lists: dict[str, list[Any]] = {section: [] for section in LISTS}
        self._written: dict[_Key, Written] = {}
        self._last: Document | None = None

    def finish(self, known: Known) -> RuleFiles:
        """All that was read."""
        rules = RuleSet(
            tag_groups=tuple(self._maps["queues"].values()),
            pools=self._maps["pools"],
            **{section: tuple(found) for section, found in self._lists.items()},
        )
        return RuleFiles(rules=rules, written=self._written, used=frozenset(known.used))

    def read(self, document: Document) -> Iterator[str]:
        """Read a document; yields its problems."""
        self._last = document
        if not isinstance(document.data, dict):
            yield document.problem("", "expected a map with version, queues, routes")
            return
        try:
            content = _FILE.load(document.data)
        except ValidationError as error:
            yield from document.problems(error)
            return
        for section in MAPS:
            for name, value in content[section].items():
                yield from self._once((section, name), document, f"{section}.{name}")
                self._maps[section].setdefault(name, value)
        for section in LISTS:
            for at, rule in enumerate(content[section]):
                yield from self._once(("rules", rule.name), document, f"{section}[{at}]")
                self._lists[section].append(rule)

    def check(self) -> Iterator[str]:
        """What is wrong with all the files together."""
        for section, missing in (("queues", "no queue"), ("routes", "no route")):
            if not (self._maps | self._lists)[section]:
                where = self._last.problem("", "") if self._last else WHAT
                yield f"{where}: {missing}: no request could go anywhere"
        for name in self._maps["pools"]:
            yield from self._loops(name)

    def _loops(self, name: str) -> Iterator[str]:
        """A chain of fallbacks that comes back to this pool, named once."""
        pools: Mapping[str, Pool] = self._maps["pools"]
        path = [name]
        while (fallback := pools[path[-1]].fallback) is not None and fallback not in path:
            path.append(fallback)
        # Told at the first of its pools alone.
        if fallback == name and name == min(path):
            loop = " -> ".join([*path, name])
            yield self._written["pools", name].problem(f"fallback loop: {loop}", "fallback")

    def _once(self, key: _Key, document: Document, path: str) -> Iterator[str]:
        section, name = key
        written = Written(document=document, path=path)
        first = self._written.setdefault(key, written)
        if first is not written:
            what = "rule" if section == "rules" else section[:-1]
            yield written.problem(f"the {what} {name!r} is given already, at {first.place}")
