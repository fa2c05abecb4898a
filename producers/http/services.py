"""What every request is served with: the settings, the catalog, the stores; one of each a process."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from flask import current_app

from ...models.aws import AwsClients
from ...models.catalog_cache import CatalogCache
from ...models.errors import BadSetting
from ...models.settings import Settings
from ...models.storage import Storage, open_storage
from ..publisher import Publisher
from ..rules_in_force import RulesInMemory

#: Where the application keeps its Services.
_EXTENSION = "tagfleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What one server process works with; safe for any number of threads."""

    settings: Settings
    rules: RulesInMemory
    clients: AwsClients = field(default_factory=AwsClients)
    catalog: CatalogCache = field(default_factory=CatalogCache)
    #: Kept open: a connection for every request would cost more than the request.
    _publishers: list[Publisher] = field(default_factory=list)
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def open(self, url: str) -> Storage:
        """The storage at an address."""
        return open_storage(url, self.clients)

    @property
    def staging(self) -> Storage:
        """The staging area.

        Raises:
            BadSetting: There is none.
        """
        if not self.settings.staging_url:
            raise BadSetting("TAGFLEET_STAGING_URL", "", "s3://bucket/prefix or a folder")
        return self.open(self.settings.staging_url)

    @property
    def publisher(self) -> Publisher | None:
        """The connection to RabbitMQ; None where there is none."""
        if not self.settings.amqp_url:
            return None
        with self._opening:
            if not self._publishers:
                self._publishers.append(
                    Publisher(self.settings.amqp_url, max_body_bytes=self.settings.max_body_bytes)
                )
            return self._publishers[0]

    def close(self) -> None:
        """Close every connection."""
        for publisher in self._publishers:
            publisher.close()
        self.clients.close()


def services() -> Services:
    """The services of the application that handles the present request."""
    found: Services = current_app.extensions[_EXTENSION]
    return found
