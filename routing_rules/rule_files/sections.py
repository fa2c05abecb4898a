"""The grammar of a rule file, version 1: its sections, and what stands in their maps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validates, validates_schema

from ...models.fields import Name, Number, TagSet
from ..pools import Canary, Pool, Sticky, Strategy, Target
from ..rules import TagGroup
from ..windows import DAYS, Window
from .fields import (
    Described,
    HoursList,
    Moment,
    PoolName,
    TimeZone,
    check_group,
    check_name,
)
from .many import each_named, each_text
from .schemas import (
    DefaultSchema,
    DenySchema,
    LimitSchema,
    OverrideSchema,
    RouteSchema,
    RuleSchema,
    about,
)

VERSION: Final = 1


class NamedSchema(RuleSchema):
    """What stands in a map, under its name."""

    def check_name(self, name: str) -> str:
        """The name, if it may be called so.

        Raises:
            ValidationError: It may not.
        """
        return check_name(name)

    def make(self, name: str, data: dict[str, Any]) -> object:
        """Build the value from its name and its checked fields."""
        raise NotImplementedError


class QueueSchema(NamedSchema):
    """A tag group's queue."""

    max_queued = Number(1, 10_000_000, metadata=about("How many requests may wait in it."))
    priority = Number(0, 9, metadata=about("Of requests for which nothing else gives one."))
    delivery_limit = Number(
        1, 1_000_000, metadata=about("How often a message is given out before it is a dead letter.")
    )

    def check_name(self, name: str) -> str:
        """The name, if a tag group may be called so."""
        return check_group(name)

    def make(self, name: str, data: dict[str, Any]) -> TagGroup:
        """Build the TagGroup."""
        return TagGroup(name=name, **data)


class WindowSchema(NamedSchema):
    """A span of time."""

    timezone = TimeZone(load_default=UTC, metadata=about("Europe/Amsterdam; UTC when left out."))
    days = fields.List(fields.String(), metadata=about("Left out: every day."))
    hours = HoursList(load_default=(), metadata=about("08:00-18:00, or a list; left out: all day."))
    start = Moment(data_key="from", metadata=about("2026-12-24T00:00:00Z"))
    end = Moment(data_key="to", metadata=about("The first moment that is not inside."))

    @validates("days")
    def _known_days(self, days: list[str], **_: object) -> None:
        problems = {
            at: [f"not a day: {day!r} ({', '.join(DAYS)})"]
            for at, day in enumerate(days)
            if day not in DAYS
        }
        if problems:
            raise ValidationError(problems)

    @validates_schema
    def _something(self, data: dict[str, Any], **_: object) -> None:
        if not ({"days", "start", "end"} & data.keys() or data["hours"]):
            raise ValidationError("expected one of days, hours, from, to")

    def make(self, name: str, data: dict[str, Any]) -> Window:
        """Build the Window."""
        for key in ("start", "end"):
            if key in data and data[key].tzinfo is None:
                data[key] = data[key].replace(tzinfo=data["timezone"])
        if "start" in data and "end" in data and data["start"] >= data["end"]:
            raise ValidationError({"to": ["it ends before it begins"]})
        if "days" in data:
            data["days"] = frozenset(map(DAYS.index, data["days"]))
        return Window(name=name, **data)


class CanarySchema(RuleSchema):
    """When a target that is not trusted yet is given no more jobs."""

    margin = Number(
        0,
        100,
        required=True,
        metadata=about(
            "By how many percentage points its failure rate may be above that of the others."
        ),
    )
    after = Number(
        1,
        100_000,
        load_default=20,
        metadata=about("How many jobs of each side must have ended first."),
    )

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Canary:
        return Canary(**data)


class TargetSchema(RuleSchema):
    """Some clusters."""

    cluster = Name(metadata=about("A cluster's id."))
    tags = TagSet(metadata=about("All clusters that have all of these."))
    weight = Number(0, 1_000_000, metadata=about("Its share, for the strategy weighted."))
    canary = fields.Nested(
        CanarySchema, metadata=about("It is stopped when too many of its jobs fail.")
    )

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: object) -> None:
        if ("cluster" in data) == bool(data["tags"]):
            raise ValidationError("give one of cluster and tags")

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        return data


class PoolSchema(NamedSchema):
    """Some clusters, and how one of them is chosen."""

    strategy = fields.Enum(Strategy, by_value=True, required=True)
    sticky_by = fields.Enum(
        Sticky, by_value=True, metadata=about("Whose jobs stay on the same target.")
    )
    targets = fields.List(
        fields.Nested(TargetSchema), metadata=about("Left out: any cluster that will do.")
    )
    fallback = PoolName(metadata=about("The pool to ask when no target can take the job."))

    @validates_schema
    def _fits_the_strategy(self, data: dict[str, Any], **_: object) -> None:
        strategy, targets = data.get("strategy"), data.get("targets")
        if targets == []:
            raise ValidationError("leave it out, or name some", "targets")
        if strategy is Strategy.LEAST_LOADED and "sticky_by" in data:
            raise ValidationError("jobs cannot stay where the load is least", "sticky_by")
        if strategy in (Strategy.WEIGHTED, Strategy.ORDERED) and not targets:
            raise ValidationError(f"the strategy {strategy} needs some", "targets")
        if targets and strategy is not None:
            _check_weights(strategy, targets)
        if targets and sum("canary" in target for target in targets) > 1:
            raise ValidationError("only one of them can be the canary", "targets")
        if targets and len(targets) == 1 and "canary" in targets[0]:
            raise ValidationError("a canary needs others to be compared with", "targets")

    def make(self, name: str, data: dict[str, Any]) -> Pool:
        """Build the Pool."""
        if "targets" in data:
            data["targets"] = tuple(Target(**target) for target in data["targets"])
        return Pool(name=name, **data)


class NamedMap(Described):
    """A map from names to what stands there."""

    def __init__(self, schema: NamedSchema, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schema = schema

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> dict[str, Any]:
        return each_named(value, self._load)

    def _load(self, name: str, value: Any) -> object:
        self.schema.check_name(name)
        return self.schema.make(name, self.schema.load({} if value is None else value))


class SetMap(Described):
    """A map from names to lists of texts."""

    json_schema = {
        "type": "object",
        "additionalProperties": {
            "type": "array",
            "items": {"type": ["string", "number"]},
            "minItems": 1,
        },
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> dict[str, tuple[str, ...]]:
        return each_named(value, self._load)

    def _load(self, name: str, value: object) -> tuple[str, ...]:
        check_name(name)
        if not isinstance(value, list) or not value:
            raise ValidationError("expected a list of texts")
        return tuple(each_text(value, _plain_text))


class FileSchema(RuleSchema):
    """One rule file. All files of a folder are one set of rules."""

    version = Number(0, 2**31, required=True)
    sets = SetMap(load_default=dict, metadata=about("Named lists; $name stands for their texts."))
    windows = NamedMap(WindowSchema(), load_default=dict, metadata=about("Named spans of time."))
    queues = NamedMap(
        QueueSchema(), load_default=dict, metadata=about("The tag groups, each with its queue.")
    )
    pools = NamedMap(PoolSchema(), load_default=dict, metadata=about("Which cluster takes a job."))
    deny = fields.List(fields.Nested(DenySchema), load_default=list)
    defaults = fields.List(fields.Nested(DefaultSchema), load_default=list)
    overrides = fields.List(fields.Nested(OverrideSchema), load_default=list)
    routes = fields.List(
        fields.Nested(RouteSchema),
        load_default=list,
        metadata=about("The first that applies wins."),
    )
    limits = fields.List(fields.Nested(LimitSchema), load_default=list)

    @validates("version")
    def _known_version(self, version: int, **_: object) -> None:
        if version != VERSION:
            raise ValidationError(f"version {version} is not known, only {VERSION} is")


def _check_weights(strategy: Strategy, targets: list[Mapping[str, Any]]) -> None:
    if strategy is Strategy.WEIGHTED:
        if not any(target.get("weight", 1) for target in targets):
            raise ValidationError("all weights are 0: no job would find a cluster", "targets")
        return
    problems = {
        at: {"weight": [f"only the strategy weighted has weights, not {strategy}"]}
        for at, target in enumerate(targets)
        if "weight" in target
    }
    if problems:
        raise ValidationError({"targets": problems})


def _plain_text(value: object) -> str:
    text = str(Name().deserialize(value))
    if text.startswith("$"):
        raise ValidationError("a set cannot name another set")
    return text
