"""Puts rule files in force: checked first, compared with what is in force, then whole or not at all."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..models import rule_sets
from ..routing_rules.in_force import RulesNow, digest_of
from ..routing_rules.rule_files.reader import rule_texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Rule files that have been read and checked."""

    texts: Mapping[str, bytes]
    digest: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file, or a folder's files; their names are kept as they are in the folder.

        Raises:
            InvalidInput: They cannot be read, or something is wrong; every problem has its place.
        """
        found = rule_texts([path])
        # Read under the names that the user gave: problems are told with those.
        RulesNow.of(found)
        texts = {_inside(path, name): content for name, content in found.items()}
        return cls(texts=texts, digest=digest_of(texts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What came of it."""

    #: The version in force now.
    version: int
    digest: str
    #: False: the same rules were in force before.
    changed: bool


def apply(candidate: Candidate, *, applied_by: str, note: str | None) -> Applied:
    """Put rules in force; where they are in force already, nothing is done.

    Raises:
        RuleSetConflict: Somebody else applied rules at the same moment.
    """
    current = rule_sets.in_force()
    if current is not None and current.digest == candidate.digest:
        return Applied(version=current.version, digest=current.digest, changed=False)
    version = rule_sets.put_in_force(
        candidate.texts,
        candidate.digest,
        applied_by=applied_by,
        note=note,
        replaces=current.version if current else 0,
    )
    return Applied(version=version, digest=candidate.digest, changed=True)


def differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    """The lines of a unified diff, file by file."""
    for name in dict.fromkeys((*before, *after)):
        old, new = (
            each.get(name, b"").decode().splitlines(keepends=True) for each in (before, after)
        )
        for line in difflib.unified_diff(old, new, f"in force/{name}", f"new/{name}"):
            yield line.rstrip("\n")


def _inside(path: Path, name: str) -> str:
    return str(Path(name).relative_to(path)) if path.is_dir() else Path(name).name
