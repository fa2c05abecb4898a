"""Brings a job's files to the staging area: each once, and only those that are not there yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from ...models.errors import StagingFailed
from ...models.storage import FileMissing, Storage, StoredFile
from .errors import StagingDelayed, staging_errors
from .origins import Origins, SingleFile
from .plan import FileToStage, StagingPlan, without_clashes
from .sources import shown

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Files of one job that are staged at the same time.
THREADS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A file as it lies in the job's folder in the staging area, for the job's record."""

    #: Where it came from, fit to be shown: without credentials.
    source: str
    #: Its address in the staging area.
    target: str
    #: `etag:...` of a source in S3, `sha256:...` of any other.
    checksum: str
    #: In bytes.
    size: int
    #: Whether it was written just now; False when it was there already.
    moved: bool


def stage(folder: str, plan: StagingPlan, storage: Storage, origins: Origins) -> list[StagedFile]:
    """Stage the files of a plan; doing it twice moves nothing the second time.

    Arguments:
        folder: The job's folder within the staging area.

    Returns the files in the plan's order.

    Raises:
        StagingFailed: A file is missing or forbidden, or cannot be staged for another reason that
            will not pass. With several errors, it is that of the plan's first file.
        StagingDelayed: A store or server does not answer, or not now.
    """
    if not plan.files:
        return []
    with ThreadPoolExecutor(THREADS, thread_name_prefix="staging") as pool:
        found = _each(pool, lambda planned: _files_of(planned, origins), plan.files)
        files = [file for files in found for file in files]
        _check_setup_files(plan, files)
        without_clashes(FileToStage(file.source, file.target) for file in files)
        with staging_errors(storage.uri(folder)):
            there = {file.name: file for file in storage.list(f"{folder}/")}
        copier = _Copier(folder, storage, origins, there)
        return _each(pool, copier.stage, files)


class _Copier:
    """Copies one file after another into a job's folder.

    Arguments:
        there: What was in the folder at the start, by name.
    """

    def __init__(
        self, folder: str, storage: Storage, origins: Origins, there: dict[str, StoredFile]
    ) -> None:
        self._folder, self._storage, self._origins, self._there = folder, storage, origins, there

    def stage(self, file: SingleFile) -> StagedFile:
        """Copy the file, unless it is there."""
        name = f"{self._folder}/{file.target}"
        with staging_errors(file.source):
            origin = self._origins.origin_of(file)
            moved = not self._is_there(name, origin.file)
            if moved:
                self._copy(file, origin.file, name)
        return StagedFile(
            source=shown(file.source),
            target=self._storage.uri(name),
            checksum=origin.checksum,
            size=origin.file.size,
            moved=moved,
        )

    def _copy(self, file: SingleFile, origin: StoredFile, name: str) -> None:
        try:
            self._storage.copy_from(origin, name)
        except FileMissing as error:
            if origin.uri == file.source:
                raise
            why = "it was removed from the cache in this moment"
            raise StagingDelayed(shown(file.source), why) from error

    def _is_there(self, name: str, origin: StoredFile) -> bool:
        # The listing spares a new job one call a file.
        found = self._there.get(name)
        return (
            found is not None
            and found.size == origin.size
            and (found.checksum == origin.checksum or self._storage.is_copy(name, origin))
        )


def _check_setup_files(plan: StagingPlan, files: Sequence[SingleFile]) -> None:
    for file in files:
        if file.target.startswith(tuple(f"{path}/" for path in plan.setup_files)):
            why = "a setup file must be a file, and this is in a folder"
            raise StagingFailed(shown(file.source), why)


def _files_of(planned: FileToStage, origins: Origins) -> list[SingleFile]:
    with staging_errors(planned.source):
        return origins.files_of(planned)


def _each(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item]
) -> list[Result]:
    """Apply the function to all items at the same time; the first item's error is raised."""
    futures = [pool.submit(function, item) for item in items]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()
