"""What every stage is given: the settings, the catalog, the rules, and the ways out."""

from __future__ import annotations

import os
import socket
import threading
import time
from dataclasses import dataclass, field

from ..models import catalog
from ..models.aws import AwsClients
from ..models.settings import Settings
from ..models.snapshot import CatalogSnapshot
from ..models.storage import Storage
from .bus import Bus
from .deciding import Load, StoppedCanaries
from .engines.base import ClusterEngine
from .rules_in_force import RulesInForce
from .staging import Staging

#: How old the catalog in memory may be, in seconds, before its version is looked at again.
CATALOG_SECONDS = 1.0


def worker_name() -> str:
    """How this process is named in leases, histories and logs."""
    return f"{socket.gethostname()}:{os.getpid()}"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """One process of the fleet."""

    settings: Settings
    rules: RulesInForce
    bus: Bus
    clients: AwsClients
    engine: ClusterEngine
    staging: Staging
    archive: Storage
    worker: str = field(default_factory=worker_name)
    catalog: CatalogCache = field(default_factory=CatalogCache)
    load: Load = field(default_factory=Load)
    canaries: StoppedCanaries = field(default_factory=StoppedCanaries)
