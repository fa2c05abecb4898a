"""Pages of a list, as Spring's clients ask for them: `page` (from 0), `size`, `sort`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import marshmallow as ma

Item = TypeVar("Item")

DEFAULT_SIZE: Final = 64

#: A larger page is cut to this.
LARGEST_SIZE: Final = 2_000

#: Nobody reads so far; it keeps the numbers within what MongoDB takes.
LAST_PAGE: Final = 1_000_000


class PageSchema(ma.Schema):
    """Which page of a list is asked for."""

    class Meta:
        """What else a client sends is none of our business, as with Spring."""

        unknown = ma.EXCLUDE

    page = ma.fields.Integer(
        load_default=0,
        validate=ma.validate.Range(0, LAST_PAGE),
        metadata={"description": "Which page, from 0."},
    )
    size = ma.fields.Integer(
        load_default=DEFAULT_SIZE,
        validate=ma.validate.Range(min=1),
        metadata={"description": f"How many on a page; more than {LARGEST_SIZE} is cut to it."},
    )
    sort = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(max=255)),
        load_default=list,
        metadata={"description": "A field, with `,asc` or `,desc` after it."},
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list, and how long the whole list is."""

    items: Sequence[Item]
    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.size)

    def as_data(self) -> dict[str, int]:
        """The `page` of a HAL document."""
        return {
            "size": self.size,
            "totalElements": self.total,
            "totalPages": self.pages,
            "number": self.number,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """The page that is asked for."""

    number: int
    size: int
    #: Pairs of a field and whether it descends.
    sort: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def of(cls, query: dict[str, Any]) -> Wanted:
        """What a query that PageSchema has read asks for."""
        return cls(
            query["page"],
            min(query["size"], LARGEST_SIZE),
            tuple(_order(text) for text in query["sort"] if text),
        )

    @property
    def start(self) -> int:
        """How many items come before the page."""
        return self.number * self.size

    def cut(self, items: Sequence[Item]) -> Page[Item]:
        """This page of a list that is in memory."""
        part = items[self.start : self.start + self.size]
        return Page(part, self.number, self.size, len(items))


def _order(text: str) -> tuple[str, bool]:
    field, _, direction = text.partition(",")
    return field, direction.strip().lower() == "desc"
