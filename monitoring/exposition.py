"""Serves the metrics of this process, or of all processes that it started, to Prometheus."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..models.errors import ServiceUnavailable

# prometheus_client chooses when it is imported, by its environment, whether values are kept in memory or
# shared through files (prometheus_client/values.py): here it is imported only by what serves.
if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

#: Where prometheus_client looks for the folder of the shared files.
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def prepare_multiprocess(folder: Path) -> None:
    """Let this process, and those that it starts from here on, share their metrics through a folder.

    The folder is emptied: what dead processes left there would be served for ever.

    Raises:
        RuntimeError: prometheus_client is imported already, and keeps its values in memory.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError(
            f"prometheus_client was imported before {MULTIPROCESS_VARIABLE} was set: it would keep the "
            "metrics of each process to itself. Call prepare_multiprocess before what imports it."
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[MULTIPROCESS_VARIABLE] = str(folder)


@contextmanager
def serving(bind: tuple[str, int] | None) -> Iterator[str | None]:
    """Serve the metrics while the block lasts; gives their address, or None where `bind` is None.

    Arguments:
        bind: Host and port; port 0 takes a free one.

    Raises:
        ServiceUnavailable: The port is taken, or the host is not one of this machine's.
    """
    if bind is None:
        yield None
        return
    from prometheus_client import start_http_server

    host, port = bind
    try:
        server, thread = start_http_server(port, host, _registry())
    except OSError as error:
        raise ServiceUnavailable(
            "The address for the metrics",
            f"{host}:{port}",
            error.strerror or str(error),
            "Set TAGFLEET_METRICS_BIND to a free port, or to nothing to serve no metrics.",
        ) from error
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _registry() -> CollectorRegistry:
    from prometheus_client import REGISTRY, CollectorRegistry

    folder = os.environ.get(MULTIPROCESS_VARIABLE)
    if not folder:
        return REGISTRY
    registry = CollectorRegistry()
    registry.register(_LivingProcesses(Path(folder)))
    return registry


class _LivingProcesses:
    """The metrics of all processes; the gauges of those that have died are left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """Called for each scrape: reads the files of all processes anew."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

        for process in self._processes():
            if not _is_alive(process):
                mark_process_dead(process, str(self._folder))  # type: ignore[no-untyped-call]
        everything = CollectorRegistry()
        MultiProcessCollector(everything, str(self._folder))  # type: ignore[no-untyped-call]
        yield from everything.collect()

    def _processes(self) -> set[int]:
        # A file is called after what it holds and its process: gauge_livesum_4711.db.
        return {int(file.stem.rpartition("_")[2]) for file in self._folder.glob("*.db")}


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's, so it is
        return True
    return True
