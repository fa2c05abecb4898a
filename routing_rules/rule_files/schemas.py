"""The grammar of the rules themselves: what they ask of a request, and what they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_load, validates_schema

from ...models.fields import Flag, Name, Number, TagSet, Text, WireSchema
from ..changes import Changes
from ..limits import Ceiling, OnExceed, Scope
from ..matching import Match, OneOf, Tags
from ..patterns import Patterns
from ..rules import Default, Deny, Limit, Override, Route
from .fields import (
    LARGEST,
    Described,
    Duration,
    Environment,
    PatternList,
    PoolName,
    QueueName,
    RateField,
    RuleName,
    WhenList,
)


class RuleSchema(WireSchema):
    """No key of a rule file is ignored."""

    ignored: ClassVar[frozenset[str]] = frozenset()


def about(text: str) -> dict[str, str]:
    """What an editor shows about a key."""
    return {"description": text}


class _OneOfSchema(RuleSchema):
    any = PatternList()
    none = PatternList()


class _TagsSchema(RuleSchema):
    all = PatternList()
    any = PatternList()
    none = PatternList()


class ShortOrLong(Described):
    """A map of patterns; a text or a list is short for one of its keys."""

    schema: ClassVar[RuleSchema]
    #: The key that the short form stands for.
    short: ClassVar[str]

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, Mapping):
            return self.make({self.short: PatternList().deserialize(value)})
        found = self.schema.load(value)
        if not found:
            raise ValidationError(f"expected one of {', '.join(self.schema.load_fields)}")
        return self.make(found)

    def make(self, patterns: Mapping[str, Patterns]) -> Any:
        """Build the value."""
        raise NotImplementedError


class OneOfField(ShortOrLong):
    """A text of the request: a pattern, a list of them, or a map with `any` and `none`."""

    schema = _OneOfSchema()
    short = "any"

    def make(self, patterns: Mapping[str, Patterns]) -> OneOf:
        """Build the value."""
        return OneOf(**patterns)


class TagsField(ShortOrLong):
    """Tags of the request: a list that must all be there, or a map with `all`, `any` and `none`."""

    schema = _TagsSchema()
    short = "all"

    def make(self, patterns: Mapping[str, Patterns]) -> Tags:
        """Build the value."""
        needed = patterns["all"].texts if "all" in patterns else ()
        return Tags(
            all=tuple(Patterns((text,)) for text in needed),
            any=patterns.get("any"),
            none=patterns.get("none"),
        )


class MatchSchema(RuleSchema):
    """What a request must bear."""

    user = OneOfField(metadata=about("The request's user."))
    tenant = OneOfField(metadata=about("The request's group."))
    name = OneOfField(metadata=about("The job's name."))
    grouping = OneOfField(metadata=about("The request's grouping; a workflow, usually."))
    tags = TagsField(metadata=about("The job's own tags."))
    command_tags = TagsField(metadata=about("The tags that the command criterion asks for."))
    cluster_tags = TagsField(metadata=about("The tags that one of the cluster criteria asks for."))

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Match:
        return Match(**data)


class ChangesSchema(RuleSchema):
    """Fields of a request."""

    timeout = Duration(metadata=about("How long the job may run: 90s, 15m, 4h, 1d12h."))
    queue_timeout = Duration(metadata=about("How long it may wait for a cluster and a slot."))
    memory = Number(1, LARGEST, metadata=about("In MB."))
    cpu = Number(1, LARGEST)
    email = Text()
    priority = Number(0, 9, metadata=about("0 to 9; the higher goes first."))
    environment = Environment(load_default=dict)
    add_tags = TagSet(metadata=about("Tags that the job gets beside its own."))

    @validates_schema
    def _something(self, data: dict[str, Any], **_: object) -> None:
        if not any(data.values()) and "priority" not in data:
            raise ValidationError("nothing is set")

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Changes:
        return Changes(**data)


class _AnyRuleSchema(RuleSchema):
    """What all rules have."""

    name = RuleName(required=True, metadata=about("No two rules of the files share one."))
    match = fields.Nested(MatchSchema, load_default=Match())
    when = WhenList(load_default=(), metadata=about("Windows that must all hold; !name: outside."))
    disabled = Flag(load_default=False)


class DenySchema(_AnyRuleSchema):
    """Refuses requests."""

    reason = Name(required=True, longest=1000, metadata=about("What their users are told."))

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Deny:
        return Deny(**data)


class DefaultSchema(_AnyRuleSchema):
    """Fills in what requests left out."""

    set = fields.Nested(ChangesSchema, required=True)

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Default:
        return Default(**data)


class OverrideSchema(_AnyRuleSchema):
    """Forces what requests say."""

    set = fields.Nested(ChangesSchema, required=True)

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Override:
        return Override(**data)


class RouteSchema(_AnyRuleSchema):
    """Sends requests to a queue, and to the clusters of a pool."""

    tag_group = QueueName(
        required=True, data_key="queue", metadata=about("One of the names under queues.")
    )
    pool = PoolName(metadata=about("One of the names under pools; left out: any cluster."))

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Route:
        return Route(**data)


class LimitSchema(_AnyRuleSchema):
    """Holds or rejects requests while there is too much."""

    per = fields.Enum(Scope, by_value=True, required=True)
    running = Number(0, LARGEST, metadata=about("Jobs on clusters."))
    queued = Number(0, LARGEST, metadata=about("Jobs that wait."))
    rate = RateField(metadata=about("Requests in a period: 60/min; s, min, h, d."))
    on_exceed = fields.Enum(OnExceed, by_value=True, load_default=OnExceed.HOLD)

    @validates_schema
    def _something(self, data: dict[str, Any], **_: object) -> None:
        if not {"running", "queued", "rate"} & data.keys():
            raise ValidationError("nothing is limited: give running, queued or rate")

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Limit:
        counts = {key: data.pop(key, None) for key in ("running", "queued", "rate")}
        return Limit(ceiling=Ceiling(per=data.pop("per"), **counts), **data)
