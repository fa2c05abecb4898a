"""Which files a job needs, and where each one lands in the job's folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...models.errors import StagingFailed
from ...models.resources import Application, Cluster, Command, JobRequest, Resource
from ...models.staging_names import folder_name
from .layout import (
    APPLICATIONS_FOLDER,
    CLUSTER_FOLDER,
    COMMAND_FOLDER,
    RESERVED,
    SETUP_FILE,
    file_name,
)
from .sources import check_source, shown


@dataclass(frozen=True, slots=True)
class FileToStage:
    """A source, and the path it gets in the job's folder.

    A source that is a folder keeps its name and its structure: the path is the folder's.
    """

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class StagingPlan:
    """Everything that a job needs before it can run."""

    files: tuple[FileToStage, ...]
    #: Paths in the job's folder, in the order in which the `run` script sources them.
    setup_files: tuple[str, ...]


def plan_staging(
    cluster: Cluster, applications: Sequence[Application], command: Command, request: JobRequest
) -> StagingPlan:
    """Plan the job's folder; reads nothing but its arguments.

    Arguments:
        applications: In the order of their set-up.

    Raises:
        StagingFailed: A source cannot be used, has a name that is reserved or could leave the
            folder, or lands where another one does.
    """
    parts: list[tuple[str, Resource]] = [(f"{CLUSTER_FOLDER}/{folder_name(cluster.id)}", cluster)]
    for application in applications:
        parts.append((f"{APPLICATIONS_FOLDER}/{folder_name(application.id)}", application))
    parts.append((f"{COMMAND_FOLDER}/{folder_name(command.id)}", command))

    files = [file for folder, part in parts for file in _files_of(folder, part)]
    files += _job_files(request)
    setup_files = [f"{folder}/{SETUP_FILE}" for folder, part in parts if part.setup_file]
    if request.setup_file:
        setup_files.append(SETUP_FILE)
    # An application that is named twice is set up once, where it is named first.
    return StagingPlan(tuple(without_clashes(files)), tuple(dict.fromkeys(setup_files)))


def without_clashes(files: Iterable[FileToStage]) -> list[FileToStage]:
    """The files, each once.

    Raises:
        StagingFailed: Two different ones have the same path, or one's path is a folder of
            another's; both are named.
    """
    by_target: dict[str, FileToStage] = {}
    for file in files:
        other = by_target.setdefault(file.target, file)
        if other.source != file.source:
            raise _clash(other, file)
    for file in by_target.values():
        for folder in _folders_of(file.target):
            if folder in by_target:
                raise _clash(by_target[folder], file)
    return list(by_target.values())


def _clash(one: FileToStage, other: FileToStage) -> StagingFailed:
    return StagingFailed(
        shown(other.source), f"it lands on {one.target!r}, where {shown(one.source)} lands too"
    )


def _folders_of(target: str) -> Iterator[str]:
    while "/" in target:
        target = target.rpartition("/")[0]
        yield target


def _files_of(folder: str, part: Resource) -> Iterator[FileToStage]:
    for uri in part.configs:
        yield FileToStage(_checked(uri), f"{folder}/config/{file_name(uri)}")
    for uri in part.dependencies:
        yield FileToStage(_checked(uri), f"{folder}/dependencies/{file_name(uri)}")
    yield from _setup_file(f"{folder}/{SETUP_FILE}", part)


def _job_files(request: JobRequest) -> Iterator[FileToStage]:
    for uri in (*request.configs, *request.dependencies, *request.attachments):
        name = file_name(_checked(uri))
        if name in RESERVED:
            raise StagingFailed(
                shown(uri), f"{name!r} in a job's folder is tagfleet's own; rename the file"
            )
        yield FileToStage(uri, name)
    yield from _setup_file(SETUP_FILE, request)


def _setup_file(target: str, part: Resource) -> Iterator[FileToStage]:
    if part.setup_file:
        uri = _checked(part.setup_file)
        if uri.endswith("/"):
            raise StagingFailed(shown(uri), "a setup file must be a file, and this is a folder")
        yield FileToStage(uri, target)


def _checked(uri: str) -> str:
    check_source(uri)
    return uri
