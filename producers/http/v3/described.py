"""What /api/v3 answers with, described for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

import marshmallow as ma
from marshmallow import fields

from ....models.schemas import ApplicationSchema, ClusterSchema, CommandSchema
from ....models.states import JobStatus
from .patching import MOST_OPERATIONS
from .shapes import LISTS


class LinkSchema(ma.Schema):
    """Where something is."""

    href = fields.String(required=True, metadata={"description": "The whole address."})


def _links() -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.Nested(LinkSchema),
        required=True,
        data_key="_links",
        metadata={"description": "Where it is, and what it leads to."},
    )


def _text(what: str, data_key: str | None = None, **metadata: Any) -> fields.String:
    return fields.String(data_key=data_key, metadata={"description": what, **metadata})


def _time(what: str, data_key: str | None = None) -> fields.String:
    return _text(what, data_key, format="date-time", example="2026-11-23T08:00:00.000Z")


def _number(what: str, data_key: str | None = None) -> fields.Integer:
    return fields.Integer(data_key=data_key, metadata={"description": what})


def _tags() -> fields.List[str]:
    return fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Its tags, and those that say its id and its name."},
    )


class ApplicationEntrySchema(ApplicationSchema):
    """An application as it is read back."""

    tags = _tags()  # type: ignore[assignment]
    links = _links()


class CommandEntrySchema(CommandSchema):
    """A command as it is read back."""

    tags = _tags()  # type: ignore[assignment]
    # Read back, each has one form.
    executable_line = _text(  # type: ignore[assignment]
        "The executable with its arguments, quoted as a shell reads it.", "executable"
    )
    executable = fields.List(  # type: ignore[assignment]
        fields.String(), data_key="executableAndArguments"
    )
    links = _links()


class ClusterEntrySchema(ClusterSchema):
    """A cluster as it is read back."""

    tags = _tags()  # type: ignore[assignment]
    links = _links()


#: Each kind of entry as it is read back.
ENTRIES: Final[dict[str, type[ma.Schema]]] = {
    "applications": ApplicationEntrySchema,
    "commands": CommandEntrySchema,
    "clusters": ClusterEntrySchema,
}


class PagePlaceSchema(ma.Schema):
    """Which part of a list a page is."""

    size = _number("How many fit on a page.")
    total = _number("How many there are in all.", "totalElements")
    pages = _number("How many pages there are.", "totalPages")
    number = _number("Which page it is, from 0.")


def page_of(name: str, list_name: str, entry: type[ma.Schema]) -> type[ma.Schema]:
    """A page of a list, in HAL's form; nothing is embedded where there is nothing.

    Arguments:
        name: What the schema is called.
        list_name: What the list is called in what is embedded.
        entry: What stands in the list.
    """
    embedded: dict[str, Any] = {
        list_name: fields.List(
            fields.Nested(entry), required=True, metadata={"description": "What is on the page."}
        )
    }
    return ma.Schema.from_dict(
        {
            "_links": _links(),
            "page": fields.Nested(PagePlaceSchema, required=True),
            "_embedded": fields.Nested(
                ma.Schema.from_dict(embedded, name=f"{name.removesuffix('PageSchema')}ListSchema")
            ),
        },
        name=name,
    )


#: A page of each kind of entry.
PAGES: Final = {
    kind: page_of(f"{entry.__name__.removesuffix('EntrySchema')}PageSchema", LISTS[kind], entry)
    for kind, entry in ENTRIES.items()
}

#: A JSON Patch.
PATCH: Final = {
    "type": "array",
    "maxItems": MOST_OPERATIONS,
    "items": {
        "type": "object",
        "required": ["op", "path"],
        "properties": {
            "op": {
                "type": "string",
                "enum": ["add", "copy", "move", "remove", "replace", "test"],
                "description": "What to do.",
            },
            "path": {"type": "string", "description": "Where, as a JSON Pointer."},
            "from": {"type": "string", "description": "For `copy` and `move`: from where."},
            "value": {"description": "For `add`, `replace` and `test`: what."},
        },
    },
}


class JobResultSchema(ma.Schema):
    """A job in a list."""

    id = fields.String(required=True)
    name = fields.String()
    user = _text("Whose it is.")
    status = fields.Enum(JobStatus, by_value=True, required=True)
    started = _time("When it began to run.")
    finished = _time("When it ended.")
    cluster_name = _text("The cluster's name, once one is chosen.", "clusterName")
    command_name = _text("The command's name, once one is chosen.", "commandName")
    runtime = _text("How long it has run, in ISO 8601.", example="PT1M2.5S")
    links = _links()


class JobViewSchema(JobResultSchema):
    """A job."""

    version = fields.String()
    description = fields.String()
    metadata = fields.Dict(keys=fields.String())
    tags = fields.List(fields.String(), required=True)
    created = _time("When it was taken on.")
    updated = _time("When it changed last.")
    message = _text("What its status means for it.", "statusMsg")
    archive_location = _text("Where its logs are kept.", "archiveLocation")
    cluster_id = _text("The cluster, once one is chosen.", "clusterId")
    command_id = _text("The command, once one is chosen.", "commandId")
    applications = fields.List(fields.String())
    arguments = _text("Its arguments, quoted as a shell reads them.", "commandArgs")
    grouping = fields.String()
    grouping_instance = fields.String(data_key="groupingInstance")
    tag_group = _text("The queue that it is in.", "tagGroup")


class JobStatusSchema(ma.Schema):
    """A job's status, and nothing else."""

    status = fields.Enum(JobStatus, by_value=True, required=True)


class RequestSchema(ma.Schema):
    """What was asked for, in Genie's form; of a request that was refused, what was sent."""

    class Meta:
        """All that can be sent can stand there."""

        unknown = ma.INCLUDE

    id = fields.String()
    name = fields.String()
    user = fields.String()
    version = fields.String()
    arguments = _text("Its arguments, quoted as a shell reads them.", "commandArgs")
    clusters = fields.List(
        fields.Dict(),
        data_key="clusterCriterias",
        metadata={"description": "Where it may run, each as `tags`."},
    )
    command = fields.List(
        fields.String(),
        data_key="commandCriteria",
        metadata={"description": "The tags of the command that it needs."},
    )
    links = _links()


class ExecutionSchema(ma.Schema):
    """How a job is carried out."""

    id = fields.String(required=True)
    host = _text("EMR's id of the cluster: a step runs on its primary node.", "hostName")
    exit_code = _number("Once it has ended.", "exitCode")
    timeout = _number("How long it may run, in seconds.")
    memory = _number("What it asked for, in MB.")
    archive_status = _text("Whether its logs are kept yet.", "archiveStatus")
    cluster_id = _text("The cluster, once one is chosen.", "clusterId")
    step_id = _text("EMR's id of its step.", "stepId", example="s-0123456789ABC")
    attempt = _number("Which attempt it is, from 1.")
    links = _links()


class FileSchema(ma.Schema):
    """A file, or a folder, of a job."""

    name = _text("Its name; a folder's ends with a slash.")
    url = _text("Where it is read.")
    size = _number("In bytes.")
    modified = fields.String(
        allow_none=True,
        data_key="lastModified",
        metadata={"description": "When its job changed last.", "format": "date-time"},
    )


class FolderSchema(ma.Schema):
    """A folder of a job."""

    parent = fields.Nested(
        FileSchema, required=True, allow_none=True, metadata={"description": "None at the top."}
    )
    directories = fields.List(
        fields.Nested(FileSchema), required=True, metadata={"description": "The folders in it."}
    )
    files = fields.List(
        fields.Nested(FileSchema), required=True, metadata={"description": "The files in it."}
    )


#: A page of jobs.
JobPageSchema: Final = page_of("JobPageSchema", "jobSearchResultList", JobResultSchema)
