"""What rules change about a request: what they fill in, and what they force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from ..models.resources import JobRequest

#: The keys that are taken as they are; None stands for "left out".
_FILLED: Final = ("timeout", "queue_timeout", "cpu", "email")
_FORCED: Final = (*_FILLED, "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Fields of a request; None, or nothing, where a field is not meant."""

    #: In seconds.
    timeout: int | None = None
    #: In seconds: how long it may wait for a cluster and for a slot there.
    queue_timeout: int | None = None
    #: In MB.
    memory: int | None = None
    cpu: int | None = None
    email: str | None = None
    #: 0 to 9.
    priority: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Tags that the job gets beside its own.
    add_tags: frozenset[str] = frozenset()

    def fill(self, request: JobRequest) -> JobRequest:
        """The request with what it left out; a priority of 0 counts as left out.

        Not the memory: the command's own goes before that of a default.
        """
        plain = {key: getattr(self, key) for key in _FILLED if getattr(request, key) is None}
        return replace(
            request,
            **plain,
            priority=request.priority or self.priority or 0,
            environment={**self.environment, **request.environment},
            tags=request.tags | self.add_tags,
        )

    def force(self, request: JobRequest) -> JobRequest:
        """The request with these fields, whatever it said itself."""
        plain: dict[str, Any] = {
            key: value for key in _FORCED if (value := getattr(self, key)) is not None
        }
        return replace(
            request,
            **plain,
            priority=request.priority if self.priority is None else self.priority,
            environment={**request.environment, **self.environment},
            tags=request.tags | self.add_tags,
        )

    def __str__(self) -> str:
        return ", ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "environment":
                yield from (f"{name}={text}" for name, text in value.items())
            elif each.name == "add_tags":
                yield from (f"tag {tag}" for tag in sorted(value))
            elif value is not None:
                yield f"{each.name} {value}"
