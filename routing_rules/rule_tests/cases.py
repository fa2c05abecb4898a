"""The files in which rules are tested, version 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validates, validates_schema

from ...models.errors import InvalidInput
from ...models.fields import Name, Number, Text, Texts
from ...models.resources import JobRequest
from ...models.schemas import JOB_REQUEST
from ..decide import Outcome
from ..limits import IDLE, Usage
from ..pools import Sticky
from ..positions import Document, read_file
from ..rule_files.fields import Moment
from ..rule_files.many import MapOf
from ..rule_files.schemas import RuleSchema
from ..rule_files.sections import VERSION
from ..rule_files.usage import UsageSchema

WHAT: Final = "rule tests"

#: What a request has that neither its test nor the file gives.
_COMMON: Final = {"id": "test", "name": "test", "user": "test", "version": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a decision must be like; what is None does not matter."""

    outcome: Outcome | None = None
    queue: str | None = None
    command: str | None = None
    cluster: str | None = None
    #: The rule that settled it.
    rule: str | None = None
    #: All rules that had a say, in their order.
    rules: tuple[str, ...] | None = None
    #: A part of the reason.
    reason: str | None = None
    #: Fields of the request as the rules leave it, in Genie's names.
    request: Mapping[str, Any] = field(default_factory=dict)
    #: The share of the jobs in percent, by cluster id.
    clusters: Mapping[str, float] = field(default_factory=dict)
    #: By how many points a share may be off.
    within: float = 3
    #: What differs between the jobs of which the shares are taken.
    vary: Sticky = Sticky.JOB


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request in a certain situation, and what is expected to become of it."""

    name: str
    request: JobRequest
    expect: Expected
    moment: datetime
    usage: Usage = IDLE
    seed: str
    #: Clusters that are out of service, by id.
    down: frozenset[str] = frozenset()
    #: Files; instead of those of the whole file.
    catalog: tuple[Path, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """A file of cases."""

    document: Document
    #: Files and folders; none: the built-in rules.
    rules: tuple[Path, ...]
    #: Files and folders; none: no cluster is looked for.
    catalog: tuple[Path, ...]
    cases: tuple[Case, ...]


def read_cases(path: Path) -> CaseFile:
    """Read a file of tests; the files that it names are beside it.

    Raises:
        InvalidInput: Something is wrong; every problem is named with its place.
    """
    documents = read_file(path)
    if len(documents) != 1 or not isinstance(documents[0].data, dict):
        raise InvalidInput(WHAT, [f"{path}: expected one map with version, rules, tests"])
    document = documents[0]
    try:
        data = _FileSchema().load(document.data)
    except ValidationError as error:
        raise InvalidInput(WHAT, document.problems(error)) from error
    problems: list[str] = []
    cases = []
    for at, case in enumerate(data["tests"]):
        try:
            request = JOB_REQUEST.load(_COMMON | data["request"] | case.pop("request"))
        except ValidationError as error:
            problems += document.problems(error, f"tests[{at}].request")
        else:
            cases.append(_case(case, request, path.parent))
    if problems:
        raise InvalidInput(WHAT, problems)
    return CaseFile(
        document=document,
        rules=_beside(path.parent, data["rules"]),
        catalog=_beside(path.parent, data["catalog"]),
        cases=tuple(cases),
    )


def _case(data: dict[str, Any], request: JobRequest, folder: Path) -> Case:
    catalog = data.pop("catalog", None)
    return Case(
        request=request,
        seed=data.pop("seed", request.id),
        catalog=None if catalog is None else _beside(folder, catalog),
        **data,
    )


def _beside(folder: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(folder / name for name in names)


class _ExpectedSchema(RuleSchema):
    outcome = fields.Enum(Outcome, by_value=True)
    queue = Name()
    command = Name()
    cluster = Name()
    rule = Name()
    rules = fields.List(Name())
    reason = Name()
    request = fields.Dict(keys=fields.String())
    clusters = MapOf(fields.Float())
    within = fields.Float()
    vary = fields.Enum(Sticky, by_value=True)

    @validates_schema
    def _something(self, data: dict[str, Any], **_: object) -> None:
        if not data["clusters"] and not data.keys() - {"clusters", "within", "vary"}:
            raise ValidationError("nothing is expected")

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Expected:
        if "rules" in data:
            data["rules"] = tuple(data["rules"])
        return Expected(**data)


class _CaseSchema(RuleSchema):
    name = Name(required=True)
    moment = Moment(data_key="at", load_default=datetime(2026, 1, 7, 12, tzinfo=UTC))
    request = fields.Dict(keys=fields.String(), load_default=dict)
    usage = fields.Nested(UsageSchema, load_default=IDLE)
    seed = Text()
    down = fields.List(Name(), load_default=list)
    catalog = Texts()
    expect = fields.Nested(_ExpectedSchema, required=True)

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        if not data["moment"].tzinfo:
            data["moment"] = data["moment"].replace(tzinfo=UTC)
        data["down"] = frozenset(data["down"])
        if not data["catalog"]:
            del data["catalog"]
        return data


class _FileSchema(RuleSchema):
    version = Number(0, 2**31, required=True)
    rules = Texts()
    catalog = Texts()
    request = fields.Dict(keys=fields.String(), load_default=dict)
    tests = fields.List(fields.Nested(_CaseSchema), required=True)

    @validates("version")
    def _known_version(self, version: int, **_: object) -> None:
        if version != VERSION:
            raise ValidationError(f"version {version} is not known, only {VERSION} is")
