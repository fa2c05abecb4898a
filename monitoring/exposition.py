"""Serves the metrics of this process, or of all processes that it started, to Prometheus."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..models.errors import ServiceUnavailable

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

#: Where prometheus_client looks, when it is imported, for whether there are several processes.
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def prepare_multiprocess(folder: Path) -> None:
    """Let the processes that are started from here on share their metrics through a folder.

    The folder is emptied: what dead processes left there would be served for ever.

    Raises:
        RuntimeError: prometheus_client is imported already, and has chosen otherwise.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prometheus_client was imported before PROMETHEUS_MULTIPROC_DIR was set")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[MULTIPROCESS_VARIABLE] = str(folder)


@contextmanager
def serving(bind: tuple[str, int] | None) -> Iterator[str | None]:
    """Serve the metrics while the block lasts; gives their address, or None where `bind` is None.

    Raises:
        ServiceUnavailable: The port is taken, or the host is not ours.
    """
    if bind is None:
        yield None
        return
    # Imported late: see prepare_multiprocess.
    from prometheus_client import REGISTRY, start_http_server

    folder = os.environ.get(MULTIPROCESS_VARIABLE)
    registry: CollectorRegistry | Any = _LiveProcesses(Path(folder)) if folder else REGISTRY
    host, port = bind
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise ServiceUnavailable(
            "The metrics",
            f"{host}:{port}",
            error.strerror or str(error),
            "Set TAGFLEET_METRICS_BIND.",
        ) from error
    try:
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _LiveProcesses:
    """What prometheus_client's server asks for metrics: all processes, the dead ones' gauges left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Any]:
        """The metrics, read anew from the files of all processes."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

        for process in {int(file.stem.rpartition("_")[2]) for file in self._folder.glob("*.db")}:
            if not _is_alive(process):
                mark_process_dead(process, str(self._folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self._folder))
        yield from registry.collect()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
