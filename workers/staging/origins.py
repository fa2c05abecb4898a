"""Brings a source to where the staging area can copy it from by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from ...models.aws import AwsClients
from ...models.errors import StagingFailed
from ...models.storage import Storage, StoredFile, open_storage
from .allowed import SourceRules
from .cache import Cache, IndexEntry
from .fetch import Validators, WebFetcher
from .layout import check_path, file_name
from .plan import FileToStage
from .sources import is_web, scheme_of, shown
from .spool import Spool

#: The largest file that goes through a worker, in bytes: 5 GiB.
LIMIT_BYTES: Final = 5 * 1024**3


@dataclass(frozen=True, slots=True)
class Origin:
    """A file that the staging area can copy, and what identifies its content."""

    file: StoredFile
    #: `etag:...` for a source in S3, `sha256:...` for any other.
    checksum: str


@dataclass(frozen=True, slots=True)
class SingleFile:
    """One file of a job: a source as it was planned, or a file of a folder that was."""

    source: str
    target: str
    #: What the listing of the folder told.
    listed: StoredFile | None = None


class Origins:
    """Finds sources, and fetches those that the staging area cannot read.

    Arguments:
        storage: The staging area.
        clients: For sources in S3.
        rules: What may be fetched.
        fetcher: For sources in the web.
        limit_bytes: The largest file that is fetched.
    """

    def __init__(
        self,
        storage: Storage,
        clients: AwsClients,
        rules: SourceRules,
        fetcher: WebFetcher,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self._storage, self._clients = storage, clients
        self._rules, self._fetcher = rules, fetcher
        self._limit_bytes = limit_bytes
        self._cache = Cache(storage)
        self._locks = _LockByName()

    def files_of(self, planned: FileToStage) -> list[SingleFile]:
        """The file itself, or all the files of a folder, with their paths in the job's folder.

        Raises:
            StagingFailed: It may not be fetched, there is nothing, or something with an impossible name.
            StorageError, StorageUnavailable: The store says no, or nothing.
        """
        uri = planned.source
        self._rules.check(uri)
        if is_web(uri):
            return [SingleFile(uri, planned.target)]
        if not uri.endswith("/"):
            storage, name = self._locate(uri)
            if found := storage.head(name):
                return [SingleFile(uri, planned.target, found)]
        files = []
        for path, found in self._listed(uri):
            check_path(uri, path)
            files.append(SingleFile(found.uri, f"{planned.target}/{path}", found))
        if not files:
            folder = uri.endswith("/")
            raise StagingFailed(
                uri, f"there is no such {'folder, or it is empty' if folder else 'file'}"
            )
        return files

    def origin_of(self, file: SingleFile) -> Origin:
        """The source, brought where the staging area can copy it.

        Raises:
            StagingFailed, StagingDelayed: See WebFetcher.fetch.
            StorageError, StorageUnavailable: The store says no, or nothing.
        """
        if is_web(file.source):
            # Many jobs, or many files of one, may want the same at the same time.
            with self._locks.holding(file.source):
                return self._from_web(file.source)
        # Once more: a file of a folder may be a link, or have become one.
        self._rules.check(file.source)
        storage, name = self._locate(file.source)
        found = file.listed if file.listed and file.listed.checksum else storage.head(name)
        if found is None or found.checksum is None:
            raise StagingFailed(file.source, "it has just been removed")
        if self._storage.can_copy(found.uri):
            return Origin(found, found.checksum)
        with self._locks.holding(file.source):
            return self._from_store(storage, name, found, found.checksum)

    def _from_web(self, uri: str) -> Origin:
        name, entry = file_name(uri), self._cache.entry(uri)
        kept = self._cache.find(entry.sha256, name) if entry else None
        known = entry.validators if entry and kept else Validators()
        with Spool(uri, self._limit_bytes) as spool:
            validators = self._fetcher.fetch(uri, known, spool, self._limit_bytes)
            if validators is not None:
                kept = self._cache.keep(spool, name)
                entry = IndexEntry(spool.sha256, validators)
                self._cache.note(uri, entry)
        if entry is None or kept is None:
            raise StagingFailed(
                shown(uri), "the server says 'not modified' of a file it never sent"
            )
        return Origin(kept, f"sha256:{entry.sha256}")

    def _from_store(self, storage: Storage, name: str, found: StoredFile, checksum: str) -> Origin:
        """A file of another kind of store: fetched unless its content is in the cache."""
        cached_name = file_name(found.uri)
        entry = self._cache.entry(found.uri)
        if checksum.startswith("sha256:"):
            sha256 = checksum.removeprefix("sha256:")
        else:
            sha256 = entry.sha256 if entry and entry.validators.etag == checksum else ""
        kept = self._cache.find(sha256, cached_name) if sha256 else None
        if kept is None:
            with Spool(found.uri, self._limit_bytes) as spool:
                storage.download(name, cast(BinaryIO, spool))
                kept = self._cache.keep(spool, cached_name)
                sha256 = spool.sha256
            self._cache.note(found.uri, IndexEntry(sha256, Validators(etag=checksum)))
        in_s3 = checksum.startswith("etag:")
        return Origin(kept, checksum if in_s3 else f"sha256:{sha256}")

    def _locate(self, uri: str) -> tuple[Storage, str]:
        """The store that has the file, and the file's name there."""
        if scheme_of(uri) == "s3":
            # At the bucket, not below: a key may hold "//", which would not survive as a prefix.
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            return open_storage(f"s3://{bucket}", self._clients), key
        folder = uri.rstrip("/").rpartition("/")[0]
        return open_storage(folder or "/", self._clients), file_name(uri)

    def _listed(self, uri: str) -> Iterator[tuple[str, StoredFile]]:
        """The files of a folder, with their paths within it."""
        uri = uri.rstrip("/")
        if scheme_of(uri) == "s3":
            storage, key = self._locate(uri)
            prefix = f"{key}/"
        else:
            storage, prefix = open_storage(uri, self._clients), ""
        for found in storage.list(prefix):
            yield found.name.removeprefix(prefix), found


class _LockByName:
    """A lock for each name that is in use."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def holding(self, name: str) -> Iterator[None]:
        """Wait until nobody else holds the name, and hold it."""
        with self._guard:
            lock, users = self._locks.get(name, (threading.Lock(), 0))
            self._locks[name] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._locks.pop(name)
                if users > 1:
                    self._locks[name] = lock, users - 1
