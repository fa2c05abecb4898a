"""The rules that a process goes by at a moment: one whole set, and what it is told apart by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Self

from .rule_files.reader import read_rule_texts, rule_texts
from .rules import RuleSet


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesNow:
    """A set of rules in force."""

    rules: RuleSet = field(repr=False)
    #: Told apart by it: SHA-256 over the files.
    digest: str
    #: The number under which it was applied; None: it was read from files, or is the built-in one.
    version: int | None = None

    @property
    def name(self) -> str:
        """What is written of them where they are meant: their version, or else their digest."""
        return str(self.version) if self.version else self.digest[:12]

    @classmethod
    def of(cls, texts: Mapping[str, bytes], version: int | None = None) -> Self:
        """The rules of files that were read.

        Raises:
            InvalidInput: Something is wrong with them; every problem is named with its place.
        """
        return cls(rules=read_rule_texts(texts).rules, digest=digest_of(texts), version=version)

    @classmethod
    def from_files(cls, path: Path | None) -> Self:
        """The rules of a file or a folder; None: the built-in ones.

        Raises:
            InvalidInput: They cannot be read, or something is wrong with them.
        """
        return cls.of(rule_texts([path] if path else []))


def digest_of(texts: Mapping[str, bytes]) -> str:
    """What two sets of rule files have in common only if they say the same in the same order.

    Names do not count: the same files are the same rules wherever they lie.
    """
    digest = sha256()
    for content in texts.values():
        # Each by its length first: no content can pass for two.
        digest.update(f"{len(content)}\n".encode() + content)
    return digest.hexdigest()
