"""Which jobs have changed: one look a second for all who listen, however many they are."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from mongoengine.errors import OperationError
from pymongo.errors import PyMongoError

from ....models.database import now
from ....models.job import Job
from ....models.states import JobStatus

log = logging.getLogger(__name__)

#: Between two looks, in seconds.
LOOK_SECONDS: Final = 1.0

#: Workers' clocks differ, and a change is seen a moment after its time: so far each look reaches back.
_OVERLAP: Final = timedelta(seconds=10)

#: What a listener may leave lying; who is slower than that misses the oldest.
_MOST: Final = 10_000

_FIELDS: Final = ("status", "status_message", "user", "tag_group", "updated", "cluster_id")


@dataclass(frozen=True, slots=True)
class Change:
    """A job that has changed, as it is now."""

    job_id: str
    status: JobStatus
    message: str
    user: str
    tag_group: str
    cluster_id: str | None
    updated: datetime


class Listener:
    """Whoever wants to know of changes.

    Arguments:
        job_id: Of this job only; None: of all.
    """

    def __init__(self, job_id: str | None) -> None:
        self.job_id = job_id
        self._changes: queue.Queue[Change] = queue.Queue(_MOST)

    def wait(self, seconds: float) -> Change | None:
        """The next change; None if there is none for so long."""
        try:
            return self._changes.get(timeout=seconds)
        except queue.Empty:
            return None

    def tell(self, change: Change) -> None:
        """Called for each change of any job."""
        if self.job_id not in (None, change.job_id):
            return
        while True:
            try:
                self._changes.put_nowait(change)
                return
            except queue.Full:
                self.wait(0.001)


class Changes:
    """Looks for changes while anybody listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._thread: threading.Thread | None = None
        self._since = now()
        #: The changes of the last looks, which the next one sees again.
        self._seen: dict[str, datetime] = {}

    @contextmanager
    def listening(self, job_id: str | None = None) -> Iterator[Listener]:
        """Listen for as long as the block lasts."""
        listener = Listener(job_id)
        with self._lock:
            self._listeners.append(listener)
            if self._thread is None:
                self._since, self._seen = now(), {}
                self._thread = threading.Thread(target=self._run, name="changes", daemon=True)
                self._thread.start()
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.remove(listener)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with self._lock:
                listeners = list(self._listeners)
                if not listeners:
                    self._thread = None
                    return
            try:
                for change in self._look():
                    for listener in listeners:
                        listener.tell(change)
            except (PyMongoError, OperationError) as error:
                log.info(f"Changes cannot be seen for now: {error}", extra={"action": "changes"})
            pause.wait(LOOK_SECONDS)

    def _look(self) -> Iterator[Change]:
        moment = now()
        query = {"updated": {"$gte": self._since - _OVERLAP}}
        found = Job._get_collection().find(query, dict.fromkeys(_FIELDS, 1)).sort("updated", 1)
        seen = {}
        for row in found:
            seen[row["_id"]] = row["updated"]
            if self._seen.get(row["_id"]) != row["updated"]:
                yield _change(row)
        # Only a look that came to its end moves on.
        self._seen, self._since = seen, moment


def _change(row: dict[str, Any]) -> Change:
    return Change(
        job_id=row["_id"],
        status=JobStatus(row["status"]),
        message=row["status_message"],
        user=row["user"],
        tag_group=row["tag_group"],
        cluster_id=row.get("cluster_id"),
        updated=row["updated"],
    )
