"""Queues and their messages on disk, and those who wait for one."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import AwsError

_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS queues (
        name TEXT PRIMARY KEY,
        attributes TEXT NOT NULL,
        created REAL NOT NULL
    );
    CREATE TABLE IF NOT EXISTS messages (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        sent REAL NOT NULL,
        visible REAL NOT NULL,
        receives INTEGER NOT NULL DEFAULT 0,
        first_received REAL,
        receipt TEXT UNIQUE
    );
    CREATE INDEX IF NOT EXISTS messages_by_due ON messages (queue, visible);
"""

#: How long a queue keeps a message that nobody takes: SQS's default of four days.
RETENTION_SECONDS: Final = 345_600

#: All queues together keep so many messages; beyond, the oldest go. SQS has no such limit:
#: here a fleet may run for months without anybody who reads its events.
MOST_MESSAGES: Final = 500_000

#: How often what is too old is looked for.
_SWEEP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a receiver gets it; `receipt` deletes it."""

    id: str
    body: str
    sent: float
    receives: int = 0
    first_received: float = 0.0
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages may be received now, are with a receiver, and have not become due."""

    visible: int
    in_flight: int
    delayed: int


class Queues:
    """All queues of one file; may be used by many threads at once.

    Arguments:
        path: The file; what it holds is there again after a restart.
        clock: Seconds since 1970; tests bring their own.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._swept = clock, 0.0
        #: Guards the connection; told of every change that a waiting receiver may have waited for.
        self._changed = threading.Condition()
        self._no_more_waiting = False
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL survives a killed process; only a power cut may lose the last messages.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def create(self, name: str, attributes: Mapping[str, str]) -> Mapping[str, str]:
        """Make a queue unless there is one of this name; returns the attributes that it has then."""
        with self._changed:
            self._connection.execute(
                "INSERT INTO queues VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (name, json.dumps(dict(attributes)), self._clock()),
            )
            return self._attributes(name)

    def names(self, prefix: str = "") -> list[str]:
        """The queues whose names begin so, in order."""
        with self._changed:
            rows = self._connection.execute("SELECT name FROM queues ORDER BY name")
            return [row["name"] for row in rows if row["name"].startswith(prefix)]

    def attributes(self, name: str) -> Mapping[str, str]:
        """What was set for a queue; refuses one that does not exist, as all that follow do."""
        with self._changed:
            return self._attributes(name)

    def set_attributes(self, name: str, attributes: Mapping[str, str]) -> None:
        """Set some attributes of a queue."""
        with self._changed:
            merged = json.dumps({**self._attributes(name), **attributes})
            self._connection.execute(
                "UPDATE queues SET attributes = ? WHERE name = ?", (merged, name)
            )

    def counts(self, name: str) -> Counts:
        """How many messages a queue holds."""
        with self._changed:
            self._attributes(name)
            now = self._clock()
            row = self._connection.execute(
                "SELECT count(*) AS total, total(visible <= ?) AS visible,"
                " total(visible > ? AND receives > 0) AS in_flight FROM messages WHERE queue = ?",
                (now, now, name),
            ).fetchone()
            visible, in_flight = int(row["visible"]), int(row["in_flight"])
            return Counts(visible, in_flight, row["total"] - visible - in_flight)

    def delete(self, name: str) -> None:
        """Remove a queue with its messages; who waits for one is told that the queue is gone."""
        with self._changed:
            self._attributes(name)
            self._connection.execute("DELETE FROM messages WHERE queue = ?", (name,))
            self._connection.execute("DELETE FROM queues WHERE name = ?", (name,))
            self._changed.notify_all()

    def purge(self, name: str) -> None:
        """Remove all messages of a queue."""
        with self._changed:
            self._attributes(name)
            self._connection.execute("DELETE FROM messages WHERE queue = ?", (name,))

    def send(self, name: str, bodies: Sequence[tuple[str, float]]) -> list[Message]:
        """Add messages, each with the seconds until it is due; on disk all together at the end."""
        with self._changed:
            self._attributes(name)
            now = self._clock()
            self._sweep(now)
            messages = [Message(str(uuid.uuid4()), body, now) for body, _ in bodies]
            rows = [
                (name, message.id, message.body, now, now + delay)
                for message, (_, delay) in zip(messages, bodies, strict=True)
            ]
            self._connection.execute("BEGIN")
            with self._connection:
                self._connection.executemany(
                    "INSERT INTO messages (queue, id, body, sent, visible) VALUES (?, ?, ?, ?, ?)",
                    rows,
                )
            self._changed.notify_all()
            return messages

    def receive(
        self, name: str, most: int, *, wait_seconds: float, hidden_seconds: float
    ) -> list[Message]:
        """Take up to so many messages, which nobody else gets for a while.

        Arguments:
            name: The queue.
            most: No more than these.
            wait_seconds: How long to wait for the first one.
            hidden_seconds: How long nobody else gets them.
        """
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                self._attributes(name)
                now = self._clock()
                self._sweep(now)
                taken = self._take(name, most, now, hidden_seconds)
                left = deadline - time.monotonic()
                if taken or left <= 0 or self._no_more_waiting:
                    return taken
                self._changed.wait(min(left, self._next_due(name, now)))

    def forget(self, name: str, receipt: str) -> None:
        """Delete the message of this receipt; a receipt of an earlier receive deletes nothing."""
        with self._changed:
            self._attributes(name)
            self._connection.execute(
                "DELETE FROM messages WHERE queue = ? AND receipt = ?", (name, receipt)
            )

    def hide(self, name: str, receipt: str, seconds: float) -> bool:
        """Let the message of this receipt be due so many seconds from now; False when it is due already."""
        with self._changed:
            self._attributes(name)
            now = self._clock()
            changed = self._connection.execute(
                "UPDATE messages SET visible = ? WHERE queue = ? AND receipt = ? AND visible > ?",
                (now + seconds, name, receipt, now),
            )
            self._changed.notify_all()
            return changed.rowcount == 1

    def stop_waiting(self) -> None:
        """Answer all who wait for a message, and whoever will ask, at once."""
        with self._changed:
            self._no_more_waiting = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of the file."""
        with self._changed:
            self._connection.close()

    def _attributes(self, name: str) -> Mapping[str, str]:
        row = self._connection.execute(
            "SELECT attributes FROM queues WHERE name = ?", (name,)
        ).fetchone()
        if row is None:
            raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")
        attributes: Mapping[str, str] = json.loads(row["attributes"])
        return attributes

    def _take(self, name: str, most: int, now: float, hidden_seconds: float) -> list[Message]:
        rows = self._connection.execute(
            "SELECT * FROM messages WHERE queue = ? AND visible <= ? ORDER BY visible, number LIMIT ?",
            (name, now, most),
        ).fetchall()
        taken = [
            Message(
                row["id"], row["body"], row["sent"], row["receives"] + 1,
                row["first_received"] or now, uuid.uuid4().hex,
            )
            for row in rows
        ]  # fmt: skip
        changes = [
            (now + hidden_seconds, message.receives, message.first_received, message.receipt, row["number"])
            for row, message in zip(rows, taken, strict=True)
        ]  # fmt: skip
        if changes:
            self._connection.execute("BEGIN")
            with self._connection:
                self._connection.executemany(
                    "UPDATE messages SET visible = ?, receives = ?, first_received = ?, receipt = ?"
                    " WHERE number = ?",
                    changes,
                )
        return taken

    def _next_due(self, name: str, now: float) -> float:
        """The seconds until a hidden or delayed message is due."""
        row = self._connection.execute(
            "SELECT min(visible) AS due FROM messages WHERE queue = ?", (name,)
        ).fetchone()
        return threading.TIMEOUT_MAX if row["due"] is None else max(0.001, row["due"] - now)

    def _sweep(self, now: float) -> None:
        """Delete what is too old, and what is too much."""
        if abs(now - self._swept) < _SWEEP_SECONDS:
            return
        self._swept = now
        for row in self._connection.execute("SELECT name, attributes FROM queues").fetchall():
            kept = json.loads(row["attributes"]).get("MessageRetentionPeriod", RETENTION_SECONDS)
            self._connection.execute(
                "DELETE FROM messages WHERE queue = ? AND sent < ?",
                (row["name"], now - float(kept)),
            )
        self._connection.execute(
            "DELETE FROM messages WHERE number <= (SELECT max(number) FROM messages) - ?",
            (MOST_MESSAGES,),
        )
