"""What crosses a wire: the one place where Genie's camelCase names and our values meet."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_dump, post_load, validate, validates_schema

from .errors import InvalidInput
from .fields import (
    DESCRIPTION_LENGTH,
    IGNORED_KEYS,
    URI_LENGTH,
    Arguments,
    ClusterId,
    Flag,
    Identifier,
    Name,
    Number,
    RoleArn,
    TagSet,
    Text,
    Texts,
    WireSchema,
    check_sendable,
)
from .problems import problems_of
from .resources import (
    ID_TAG,
    NAME_TAG,
    AnyResource,
    Application,
    Cluster,
    Command,
    Criterion,
    Engine,
    JobRequest,
    is_own_tag,
)
from .states import ClusterStatus, CommandStatus

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CriterionSchema(WireSchema):
    """A Criterion; blank parts are absent, and something must be left."""

    id = Text()
    name = Text()
    version = Text()
    status = Text()
    tags = TagSet()

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Criterion:
        criterion = Criterion(**data).normalised()
        if criterion.is_blank:
            raise ValidationError(
                "a criterion needs at least one of id, name, version, status, tags that is not blank"
            )
        return criterion


class ResourceSchema(WireSchema):
    """The fields that all resources share."""

    id = Identifier(load_default=lambda: str(uuid.uuid4()))
    name = Name(required=True)
    user = Name(required=True)
    version = Name(required=True)
    description = Text(longest=DESCRIPTION_LENGTH)
    metadata = fields.Dict(keys=fields.String(), validate=check_sendable)
    tags = TagSet()
    configs = Texts(Name(longest=URI_LENGTH))
    dependencies = Texts(Name(longest=URI_LENGTH))
    setup_file = Name(longest=URI_LENGTH, data_key="setupFile")

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Any:
        data["tags"] = frozenset(tag for tag in data["tags"] if not is_own_tag(tag))
        return self.make(data)

    def make(self, data: dict[str, Any]) -> object:
        """Build the value from its checked fields."""
        raise NotImplementedError


class CatalogSchema(ResourceSchema):
    """What is read back of a catalog entry, its own tags and times included."""

    #: Read-only: a client that sends back what it was given must not be refused.
    ignored: ClassVar[frozenset[str]] = IGNORED_KEYS | {"created", "updated"}

    created = fields.AwareDateTime(dump_only=True)
    updated = fields.AwareDateTime(dump_only=True)

    @post_dump
    def _add_own_tags(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        data["tags"] = sorted({*data.get("tags", ()), ID_TAG + data["id"], NAME_TAG + data["name"]})
        return data


class ApplicationSchema(CatalogSchema):
    """An Application."""

    type = Text()
    status = fields.Enum(CommandStatus, by_value=True, load_default=CommandStatus.ACTIVE)

    def make(self, data: dict[str, Any]) -> Application:
        """Build the Application."""
        return Application(**data)


class CommandSchema(CatalogSchema):
    """A Command."""

    status = fields.Enum(CommandStatus, by_value=True, load_default=CommandStatus.ACTIVE)
    executable = Arguments(data_key="executableAndArguments")
    executable_line = Arguments(data_key="executable", load_only=True)
    cluster_criteria = fields.List(
        fields.Nested(CriterionSchema), data_key="clusterCriteria", load_default=()
    )
    applications = Texts(Identifier())
    memory = Number(1, 2**31 - 1)

    @validates_schema
    def _one_executable(self, data: dict[str, Any], **_: object) -> None:
        if bool(data.get("executable")) == bool(data.get("executable_line")):
            raise ValidationError(
                "a command needs one of executable and executableAndArguments",
                "executableAndArguments",
            )

    def make(self, data: dict[str, Any]) -> Command:
        """Build the Command; the old `executable` string becomes the list."""
        line = data.pop("executable_line", ())
        data["executable"] = data["executable"] or line
        data["cluster_criteria"] = tuple(data["cluster_criteria"])
        return Command(**data)


class EngineSchema(WireSchema):
    """How a cluster is reached."""

    type = fields.String(required=True, validate=validate.OneOf(["emr"]))
    cluster_id = ClusterId(required=True, data_key="clusterId")
    region = Name()
    role_arn = RoleArn(longest=2048, data_key="roleArn")
    execution_role_arn = RoleArn(longest=2048, data_key="executionRoleArn")
    step_concurrency = Number(1, 256, data_key="stepConcurrency", load_default=1)
    log_uri = Name(longest=URI_LENGTH, data_key="logUri")

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Engine:
        return Engine(**data)


class ClusterSchema(CatalogSchema):
    """A Cluster."""

    status = fields.Enum(ClusterStatus, by_value=True, load_default=ClusterStatus.UP)
    engine = fields.Nested(EngineSchema)

    def make(self, data: dict[str, Any]) -> Cluster:
        """Build the Cluster."""
        return Cluster(**data)


class JobRequestSchema(ResourceSchema):
    """A JobRequest, in Genie's v3 form (lists of tags) or v4 form (criteria)."""

    command_args = Arguments(data_key="commandArgs")
    cluster_criteria = fields.List(fields.Nested(CriterionSchema), data_key="clusterCriteria")
    command_criterion = fields.Nested(CriterionSchema, data_key="commandCriterion")
    cluster_criterias = fields.List(
        fields.Nested(CriterionSchema), data_key="clusterCriterias", load_only=True
    )
    command_criteria = TagSet(data_key="commandCriteria", load_only=True)
    group = Text()
    applications = Texts(Identifier())
    disable_log_archival = Flag(data_key="disableLogArchival", load_default=False)
    email = Text()
    cpu = Number(1, 2**31 - 1)
    memory = Number(1, 2**31 - 1)
    timeout = Number(1, 10 * 365 * 86_400)
    grouping = Text()
    grouping_instance = Text(data_key="groupingInstance")
    environment = fields.Dict(keys=fields.String(), values=Text(longest=32_768), load_default=dict)
    attachments = Texts(Name(longest=URI_LENGTH))
    priority = Number(0, 9, load_default=0)
    queue_timeout = Number(1, 10 * 365 * 86_400, data_key="queueTimeout")
    idempotent = Flag(load_default=False)

    @validates_schema
    def _one_form_of_each_criterion(self, data: dict[str, Any], **_: object) -> None:
        problems = {}
        if bool(data.get("cluster_criteria")) == bool(data.get("cluster_criterias")):
            problems["clusterCriterias"] = [
                "give one of clusterCriterias and clusterCriteria, with at least one criterion"
            ]
        if bool(data.get("command_criterion")) == bool(data.get("command_criteria")):
            problems["commandCriteria"] = [
                "give one of commandCriteria (tags) and commandCriterion, not blank"
            ]
        problems |= {
            f"environment.{name}": [
                "not a variable's name, or reserved: expected letters, digits and _, and no GENIE_ name"
            ]
            for name in data.get("environment", {})
            if not _VARIABLE.fullmatch(name) or name.startswith("GENIE_")
        }
        if problems:
            raise ValidationError(problems)

    def make(self, data: dict[str, Any]) -> JobRequest:
        """Build the JobRequest; both forms of the criteria end as one."""
        criteria = data.pop("cluster_criterias", None) or data["cluster_criteria"]
        tags = data.pop("command_criteria", None)
        data["cluster_criteria"] = tuple(criteria)
        if tags:
            data["command_criterion"] = Criterion.of_tags(tags)
        return JobRequest(**data)


APPLICATION = ApplicationSchema()
COMMAND = CommandSchema()
CLUSTER = ClusterSchema()
JOB_REQUEST = JobRequestSchema()

#: The schema of each kind of catalog entry, by its key in a catalog file, in the order of reading.
CATALOG_SCHEMAS: dict[str, CatalogSchema] = {
    "applications": APPLICATION,
    "commands": COMMAND,
    "clusters": CLUSTER,
}


def load_job_request(data: object) -> JobRequest:
    """Check a job request and build it.

    Raises:
        InvalidInput: Something is wrong; every problem is named with its path.
    """
    request: JobRequest = _load(JOB_REQUEST, data, "job request")
    return request


def load_resource(kind: str, data: object) -> AnyResource:
    """Check one catalog entry of the kind (`applications`, `commands`, `clusters`) and build it.

    Raises:
        InvalidInput: Something is wrong; every problem is named with its path.
    """
    resource: AnyResource = _load(CATALOG_SCHEMAS[kind], data, kind.removesuffix("s"))
    return resource


def dump_job_request(request: JobRequest) -> dict[str, Any]:
    """The request as JSON data, in Genie's v4 form."""
    return dict(JOB_REQUEST.dump(request))


def dump_resource(resource: AnyResource) -> dict[str, Any]:
    """A catalog entry as JSON data, as it is read back."""
    schema = next(
        CATALOG_SCHEMAS[key] for key, kind in _KINDS.items() if isinstance(resource, kind)
    )
    return dict(schema.dump(resource))


_KINDS: dict[str, type[AnyResource]] = {
    "applications": Application,
    "commands": Command,
    "clusters": Cluster,
}


def request_digest(request: JobRequest) -> str:
    """What two requests with the same body have in common: the digest of all but the id."""
    body = dump_job_request(request)
    body.pop("id", None)
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _load(schema: WireSchema, data: object, what: str) -> Any:
    if not isinstance(data, Mapping):
        raise InvalidInput(what, [f"expected an object, found {type(data).__name__}"])
    try:
        return schema.load(data)
    except ValidationError as error:
        raise InvalidInput(
            what, [f"{path}: {text}" for path, text in problems_of(error)]
        ) from error
