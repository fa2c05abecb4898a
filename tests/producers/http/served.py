"""The application behind a real socket, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer

from tagfleet.producers.http.streams.sse import streams


class _Server(ThreadedWSGIServer):
    """A server that waits for its requests when it is closed: none is left behind in another test."""

    daemon_threads = False


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve until the block ends; gives the address."""
    server = _Server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        streams(app).goes_on = lambda: False
        server.shutdown()
        thread.join()
        server.server_close()
