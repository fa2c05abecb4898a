"""What callers may do: four roles, each of which may do all that the ones before it may."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """What a caller may do; a higher one may do all that a lower one may."""

    #: Sees everything.
    READER = 10
    #: Submits and ends jobs as itself.
    SUBMITTER = 20
    #: Ends any job, submits for others, drains clusters, sends dead letters back.
    OPERATOR = 30
    #: Changes the catalog and the rules.
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
