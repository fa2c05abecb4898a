"""What callers may do: four roles, each of which may do all that the ones before it may."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TypeVar

_View = TypeVar("_View", bound=Callable[..., object])

#: The attribute of a view that says which role it needs.
_ATTRIBUTE = "needed_role"


class Role(IntEnum):
    """What a caller may do; a higher one may do all that a lower one may."""

    #: Sees everything.
    READER = 10
    #: Submits and ends jobs as itself.
    SUBMITTER = 20
    #: Ends any job, submits for others, drains clusters, sends dead letters back.
    OPERATOR = 30
    #: Changes the catalog, the rules and the tokens.
    ADMIN = 40

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def of(cls, name: str) -> Role:
        """The role of a name, in any case.

        Raises:
            ValueError: There is none; says which there are.
        """
        try:
            return cls[name.strip().upper()]
        except KeyError:
            known = ", ".join(str(role) for role in cls)
            raise ValueError(f"expected one of {known}, found {name!r}") from None


def needs(role: Role) -> Callable[[_View], _View]:
    """Say which role a view needs; it is checked before the request reaches the view."""

    def said(view: _View) -> _View:
        setattr(view, _ATTRIBUTE, role)
        return view

    return said


def needed_role(view: Callable[..., object]) -> Role | None:
    """Which role a view needs; None where nobody has said so."""
    found: Role | None = getattr(view, _ATTRIBUTE, None)
    return found
