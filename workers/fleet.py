"""What every stage is given: the settings, the catalog, the rules, and the ways out."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field

from ..models.aws import AwsClients
from ..models.catalog_cache import CatalogCache
from ..models.settings import Settings
from ..models.storage import Storage
from .bus import Bus
from .deciding import Load, StoppedCanaries
from .engines.base import ClusterEngine
from .publishers import Publishers
from .rules_in_force import RulesInForce
from .staging import Staging


def worker_name() -> str:
    """How this process is named in leases, histories and logs."""
    return f"{socket.gethostname()}:{os.getpid()}"


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
    publishers: Publishers
    worker: str = field(default_factory=worker_name)
    catalog: CatalogCache = field(default_factory=CatalogCache)
    load: Load = field(default_factory=Load)
    canaries: StoppedCanaries = field(default_factory=StoppedCanaries)
