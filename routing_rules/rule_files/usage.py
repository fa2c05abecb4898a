"""How full the fleet is, as tests and commands are told it."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load

from ...models.fields import Number
from ..limits import PERIODS, Count, Scope, Usage
from .fields import LARGEST
from .many import MapOf
from .schemas import RuleSchema


class _RecentSchema(RuleSchema):
    s = Number(0, LARGEST)
    min = Number(0, LARGEST)
    h = Number(0, LARGEST)
    d = Number(0, LARGEST)


assert set(_RecentSchema().fields) == set(PERIODS)


class CountSchema(RuleSchema):
    """How much somebody has."""

    running = Number(0, LARGEST, load_default=0)
    queued = Number(0, LARGEST, load_default=0)
    recent = fields.Nested(_RecentSchema, load_default=dict)

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Count:
        return Count(**data)


class UsageSchema(RuleSchema):
    """How full the fleet is; the counts by user, tenant and queue, those of all, the load of clusters."""

    user = MapOf(fields.Nested(CountSchema))
    tenant = MapOf(fields.Nested(CountSchema))
    queue = MapOf(fields.Nested(CountSchema))
    everybody = fields.Nested(CountSchema, data_key="global", load_default=Count())
    jobs = MapOf(Number(0, LARGEST), data_key="load")

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Usage:
        counts = {
            (scope, name): count
            for scope in (Scope.USER, Scope.TENANT, Scope.QUEUE)
            for name, count in data[scope].items()
        }
        return Usage(counts=counts | {(Scope.GLOBAL, ""): data["everybody"]}, load=data["jobs"])
