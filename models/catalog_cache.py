"""The catalog in memory, for a process that looks at it all the time."""

from __future__ import annotations

import threading
import time

from . import catalog
from .snapshot import CatalogSnapshot

#: How old the catalog in memory may be, in seconds, before its version is looked at again.
CATALOG_SECONDS = 1.0


class CatalogCache:
    """The catalog in memory; read again when its version in MongoDB has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = -1
        self._looked = 0.0
        self._snapshot: CatalogSnapshot | None = None

    def snapshot(self) -> CatalogSnapshot:
        """The catalog, at most CATALOG_SECONDS old."""
        with self._lock:
            if self._snapshot is None or time.monotonic() - self._looked > CATALOG_SECONDS:
                # The version first: a change while the catalog is read is seen the next time.
                version = catalog.catalog_version()
                if self._snapshot is None or version != self._version:
                    self._snapshot = catalog.load_snapshot()
                    self._version = version
                self._looked = time.monotonic()
            return self._snapshot
