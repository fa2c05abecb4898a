"""What every stage is given: the settings, the catalog, the rules, and the ways out."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field

from ..models.aws import AwsClients
from ..models.catalog_cache import CatalogCache
from ..models.settings import Settings
from ..models.storage import Storage
from ..routing_rules.groups import RuleSet
from .bus import Bus
from .engines.base import ClusterEngine
from .staging import Staging


def worker_name() -> str:
    """How this process is named in leases, histories and logs."""
    return f"{socket.gethostname()}:{os.getpid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """One process of the fleet."""

    settings: Settings
    rules: RuleSet
    bus: Bus
    clients: AwsClients
    engine: ClusterEngine
    staging: Staging
    archive: Storage
    worker: str = field(default_factory=worker_name)
    catalog: CatalogCache = field(default_factory=CatalogCache)
