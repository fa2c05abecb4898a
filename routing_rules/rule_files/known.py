"""The names that rules refer to: sets, windows, queues and pools, of all files together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC

from marshmallow import ValidationError

from ..windows import When, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What may be referred to; notes what is."""

    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Those that could be read; the names of all are in `names`.
    windows: Mapping[str, Window] = field(default_factory=dict)
    #: By the section of the file: "sets", "windows", "queues", "pools".
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: Section and name of everything that something refers to.
    used: set[tuple[str, str]] = field(default_factory=set)

    def use(self, section: str, name: str) -> str:
        """Note that something refers to the name.

        Raises:
            ValidationError: There is no such name; says which is near.
        """
        names = self.names.get(section, frozenset())
        if name not in names:
            raise ValidationError(f"no such {section[:-1]}: {name!r}{nearest(name, names)}")
        self.used.add((section, name))
        return name

    def spelled_out(self, text: str) -> tuple[str, ...]:
        """The texts of the set, for `$name`; for anything else, the text itself.

        Raises:
            ValidationError: There is no such set.
        """
        if not text.startswith("$"):
            return (text,)
        return self.sets.get(self.use("sets", text[1:]), ())

    def when(self, text: str) -> When:
        """What `name` or `!name` means.

        Raises:
            ValidationError: There is no such window.
        """
        name = self.use("windows", text.removeprefix("!"))
        # One that could not be read is reported at its own place.
        window = self.windows.get(name) or Window(name=name, timezone=UTC)
        return When(window=window, outside=text.startswith("!"))


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a sentence about a name that is not known."""
    near = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else ""


_KNOWN: ContextVar[Known] = ContextVar("known")


@contextmanager
def knowing(known: Known) -> Iterator[Known]:
    """Inside, fields resolve what they refer to by these names."""
    token = _KNOWN.set(known)
    try:
        yield known
    finally:
        _KNOWN.reset(token)


def known_now() -> Known:
    """The names by which the fields resolve what they refer to."""
    return _KNOWN.get(Known())
