"""What the page of all jobs is asked for: an address that can be shared, and what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import marshmallow as ma
from werkzeug.datastructures import MultiDict

from ....models import job_search
from ....models.job import Job
from ..paging import Page, Wanted
from ..patterns import condition
from ..problems import Problem
from ..v3.job_query import JobQuery, conditions, sort_of

PAGE_SIZE: Final = 50

#: The fields that are always shown, and those that are folded away: name in the address, label.
FIRST_TEXTS: Final = (("name", "Name"), ("user", "User"), ("id", "Id"))
MORE_TEXTS: Final = (
    ("tagGroup", "Tag group"),
    ("clusterName", "Cluster"),
    ("clusterId", "Cluster id"),
    ("commandName", "Command"),
    ("commandId", "Command id"),
    ("grouping", "Grouping"),
    ("groupingInstance", "Instance of the grouping"),
)

#: The times, and what the query of the API calls them.
TIMES: Final = (
    ("startedFrom", "Started from", "minStarted"),
    ("startedBefore", "Started before", "maxStarted"),
    ("finishedFrom", "Ended from", "minFinished"),
    ("finishedBefore", "Ended before", "maxFinished"),
)

SORTS: Final = (
    ("created,desc", "Newest first"),
    ("created,asc", "Oldest first"),
    ("finished,desc", "Ended last"),
    ("started,desc", "Started last"),
    ("name,asc", "Name"),
    ("user,asc", "User"),
)

_TEXTS: Final = tuple(name for name, _ in (*FIRST_TEXTS, *MORE_TEXTS))
_LABELS: Final = {
    "status": "State",
    "tag": "Tags",
    **dict((*FIRST_TEXTS, *MORE_TEXTS)),
    **{name: label for name, label, _ in TIMES},
}


@dataclass(frozen=True, slots=True)
class JobFilters:
    """What is asked for, as it stands in the address."""

    given: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, arguments: MultiDict[str, str]) -> JobFilters:
        """What an address asks for; an empty field asks for nothing."""
        known = (*_TEXTS, "status", "tag", "sort", "page", *(name for name, *_ in TIMES))
        lists = {name: [text for text in arguments.getlist(name) if text] for name in known}
        return cls({name: texts for name, texts in lists.items() if texts})

    def first(self, name: str) -> str:
        """The text of a field, or nothing."""
        return next(iter(self.given.get(name, ())), "")

    @property
    def tags(self) -> list[str]:
        """The tags, of which a job must have all; in a field they stand with commas between them."""
        return [tag.strip() for text in self.given.get("tag", ()) for tag in text.split(",")]

    def chips(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each thing that is asked for: its label, its text, and the address without it."""
        for name, label in _LABELS.items():
            for text in self.given.get(name, ()):
                others = [each for each in self.given[name] if each != text]
                rest = {key: texts for key, texts in self.address(0).items() if key != name}
                yield label, text, rest | ({name: others} if others else {})

    def address(self, page: int) -> dict[str, Any]:
        """The arguments of the address of a page, from 0."""
        rest = {name: texts for name, texts in self.given.items() if name != "page"}
        return rest | ({"page": page} if page else {})

    def search(self) -> Page[Job]:
        """The jobs of the page that is asked for.

        Raises:
            Problem: 400, a field cannot be used.
        """
        query = self._query()
        wanted = Wanted.of(query)
        asked = conditions(query)
        if group := self.first("tagGroup"):
            asked["tag_group"] = condition(group)
        found, total = job_search.search(
            asked,
            statuses=query["status"],
            tags=[condition(tag) for tag in query["tag"]],
            order=sort_of(wanted),
            skip=wanted.start,
            limit=wanted.size,
        )
        return Page(found, wanted.number, wanted.size, total)

    def _query(self) -> dict[str, Any]:
        asked: dict[str, Any] = {name: self.first(name) for name in _TEXTS if self.first(name)}
        asked |= {"size": PAGE_SIZE, "page": self.first("page") or 0}
        asked |= {"status": list(self.given.get("status", ())), "tag": self.tags}
        asked["sort"] = list(self.given.get("sort", ()))
        wrong = []
        for name, _, of_api in TIMES:
            if text := self.first(name):
                try:
                    asked[of_api] = _milliseconds(text)
                except ValueError:
                    wrong.append((name, "Expected a time such as 2026-11-23T08:00, in UTC"))
        try:
            query: dict[str, Any] = JobQuery().load(asked)
        except ma.ValidationError as error:
            wrong += [
                (str(name), f"{texts[0] if isinstance(texts, list) else texts}".rstrip("."))
                for name, texts in error.messages_dict.items()
            ]
        if wrong:
            raise Problem(400, "The search cannot be used.", errors=wrong)
        return query


def _milliseconds(text: str) -> int:
    """A time as a browser's field gives it, in UTC where it does not say."""
    time = datetime.fromisoformat(text)
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
