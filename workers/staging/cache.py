"""Files that came from elsewhere, kept once in the staging area by what they hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Final

from ...models.storage import FileMissing, Storage, StorageError, StoredFile
from .fetch import Validators
from .sources import shown
from .spool import Spool

#: More than an index entry ever has, in bytes.
_ENTRY_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What a source held when it was last read."""

    sha256: str
    validators: Validators


class Cache:
    """`cache/` in the staging area; shared by all workers, none of which needs to wait for another.

    What it holds never changes: whoever writes a file writes the same bytes. A file may vanish at
    any time (a lifecycle rule of the bucket), and is then fetched again.

    Arguments:
        storage: The staging area.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def find(self, sha256: str, name: str) -> StoredFile | None:
        """The file with this content, under this name; None when it is not here."""
        return self._storage.head(_path(sha256, name))

    def keep(self, spool: Spool, name: str) -> StoredFile:
        """Keep what was spooled; sent to the storage only when it is not here yet."""
        path = _path(spool.sha256, name)
        if not self._storage.exists(path):
            self._storage.upload(path, spool.content)
        found = self._storage.head(path)
        if found is None:
            raise FileMissing(self._storage.uri(path), "it vanished as soon as it was written")
        return found

    def entry(self, uri: str) -> IndexEntry | None:
        """What is known of a source; None when nothing is, or nothing that makes sense."""
        try:
            found = json.loads(self._storage.read_bytes(_index_path(uri), _ENTRY_BYTES))
            return IndexEntry(str(found["sha256"]), Validators(**found["validators"]))
        except (StorageError, ValueError, KeyError, TypeError):
            # The index only saves downloads: what cannot be read is as good as nothing.
            return None

    def note(self, uri: str, entry: IndexEntry) -> None:
        """Remember what a source holds."""
        content = json.dumps({"source": shown(uri), **asdict(entry)}, sort_keys=True)
        self._storage.put_bytes(_index_path(uri), content.encode())


def _path(sha256: str, name: str) -> str:
    return f"cache/sha256/{sha256}/{name}"


def _index_path(uri: str) -> str:
    return f"cache/index/{hashlib.sha256(uri.encode()).hexdigest()}.json"
