"""The catalog's resources and a job's request, as frozen values with Genie's fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .states import ClusterStatus, CommandStatus

#: Tags that every resource bears when it is read back; inside a criterion they stand for id and name.
ID_TAG = "genie.id:"
NAME_TAG = "genie.name:"


def is_own_tag(tag: str) -> bool:
    """Whether the tag is one that tagfleet itself adds to what is read back."""
    return tag.startswith((ID_TAG, NAME_TAG))


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """What a command or a cluster must have: each part that is given, and all of the tags."""

    id: str | None = None
    name: str | None = None
    version: str | None = None
    status: str | None = None
    tags: frozenset[str] = frozenset()

    @classmethod
    def of_tags(cls, tags: Iterable[str]) -> Criterion:
        """The criterion that asks for these tags, where `genie.id:` and `genie.name:` mean id and name."""
        return cls(tags=frozenset(tags)).normalised()

    def normalised(self) -> Criterion:
        """Blanks dropped, and `genie.id:` / `genie.name:` tags turned into the parts they stand for."""
        tags = {tag.strip() for tag in self.tags} - {""}
        ids = sorted(tag.removeprefix(ID_TAG) for tag in tags if tag.startswith(ID_TAG))
        names = sorted(tag.removeprefix(NAME_TAG) for tag in tags if tag.startswith(NAME_TAG))
        return Criterion(
            id=ids[0] if ids else _given(self.id),
            name=names[0] if names else _given(self.name),
            version=_given(self.version),
            status=_given(self.status),
            tags=frozenset(tag for tag in tags if not is_own_tag(tag)),
        )

    @property
    def is_blank(self) -> bool:
        """Whether nothing at all is asked for."""
        return not (self.id or self.name or self.version or self.status or self.tags)

    def __str__(self) -> str:
        parts = [
            f"{part}={value}"
            for part in ("id", "name", "version", "status")
            if (value := getattr(self, part))
        ]
        return ", ".join(parts + sorted(self.tags)) or "anything"


def _given(text: str | None) -> str | None:
    return (text.strip() or None) if text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What applications, commands, clusters and jobs have in common."""

    id: str
    name: str
    user: str
    version: str
    description: str | None = None
    metadata: Mapping[str, Any] | None = None
    tags: frozenset[str] = frozenset()
    #: URIs (s3://, https:// or a path) of files that are staged beside the job.
    configs: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    #: URI of a file that the `run` script sources.
    setup_file: str | None = None
    created: datetime | None = None
    updated: datetime | None = None

    @property
    def needs_setup(self) -> bool:
        """Whether a job that uses it needs the `run` script: there are files to lay out or to source."""
        return bool(self.setup_file or self.configs or self.dependencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application(Resource):
    """Software that commands need on the cluster: files, and a setup file that makes them ready."""

    type: str | None = None
    status: CommandStatus = CommandStatus.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Resource):
    """What a job runs: an executable, the clusters it may run on, and the applications it needs."""

    status: CommandStatus = CommandStatus.ACTIVE
    #: The program and its first arguments; the job's own arguments follow.
    executable: tuple[str, ...] = ()
    #: Which clusters it runs on, best first.
    cluster_criteria: tuple[Criterion, ...] = ()
    #: Ids, in the order of their set-up.
    applications: tuple[str, ...] = ()
    memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What a cluster is, and how the fleet reaches it."""

    type: str = "emr"
    #: EMR's own id, `j-...`.
    cluster_id: str
    region: str | None = None
    #: A role that the fleet assumes to call EMR.
    role_arn: str | None = None
    #: The runtime role of the steps (EMR 6.7 and later).
    execution_role_arn: str | None = None
    #: How many steps run at once; EMR's StepConcurrencyLevel, 1 to 256.
    step_concurrency: int = 1
    #: Where EMR copies the steps' logs.
    log_uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(Resource):
    """Where jobs run."""

    status: ClusterStatus = ClusterStatus.UP
    engine: Engine | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest(Resource):
    """What a producer asks for; both of Genie's forms (v3 tags, v4 criteria) end as this one."""

    command_args: tuple[str, ...] = ()
    #: Ordered: the first one that any cluster satisfies wins.
    cluster_criteria: tuple[Criterion, ...]
    command_criterion: Criterion
    group: str | None = None
    #: Ids that replace the command's own applications.
    applications: tuple[str, ...] = ()
    disable_log_archival: bool = False
    email: str | None = None
    cpu: int | None = None
    #: In MB.
    memory: int | None = None
    #: In seconds.
    timeout: int | None = None
    grouping: str | None = None
    grouping_instance: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    #: URIs of the job's own files.
    attachments: tuple[str, ...] = ()
    #: 0 to 9; the higher goes first when a slot is given.
    priority: int = 0
    #: In seconds: how long it may wait for a cluster and for a slot there.
    queue_timeout: int | None = None
    #: Whether it may be run again when its cluster was lost while it ran.
    idempotent: bool = False


AnyResource = Application | Command | Cluster
