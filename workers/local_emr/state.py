"""Clusters and steps on disk, so that a killed server comes back with all of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from .clusters import Cluster, ClusterState, Reason
from .steps import Failure, Step, StepState

_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS clusters (
        id TEXT PRIMARY KEY,
        request TEXT NOT NULL,
        created REAL NOT NULL,
        concurrency INTEGER NOT NULL,
        protected INTEGER NOT NULL,
        tags TEXT NOT NULL,
        state TEXT NOT NULL,
        reason_code TEXT,
        reason_message TEXT,
        ready REAL,
        ended REAL
    );
    CREATE TABLE IF NOT EXISTS steps (
        id TEXT PRIMARY KEY,
        cluster_id TEXT NOT NULL REFERENCES clusters,
        number INTEGER NOT NULL,
        name TEXT NOT NULL,
        config TEXT NOT NULL,
        role TEXT,
        created REAL NOT NULL,
        state TEXT NOT NULL,
        started REAL,
        ended REAL,
        reason TEXT NOT NULL,
        failure_reason TEXT,
        failure_message TEXT,
        failure_log_file TEXT,
        process_starts INTEGER NOT NULL,
        applications TEXT NOT NULL DEFAULT '[]',
        UNIQUE (cluster_id, number)
    );
"""


class State:
    """The database of one home folder; written through, inside `transaction`.

    One thread writes at a time: whoever holds the scheduler's lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _connect(path)
        self._connection.executescript(_SCHEMA)
        columns = self._connection.execute("PRAGMA table_info (steps)").fetchall()
        if not any(row["name"] == "applications" for row in columns):
            # A home folder from before there were any.
            self._connection.execute(
                "ALTER TABLE steps ADD COLUMN applications TEXT NOT NULL DEFAULT '[]'"
            )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is saved inside is on disk together when this ends, and none of it after an error."""
        try:
            yield
            self._connection.commit()
        except BaseException:
            self._connection.rollback()
            raise

    def save_cluster(self, cluster: Cluster) -> None:
        """Write a cluster as it is now, without its steps."""
        self._save(
            "clusters",
            {
                "id": cluster.id,
                "request": json.dumps(cluster.request, default=str),
                "created": cluster.created,
                "concurrency": cluster.concurrency,
                "protected": cluster.protected,
                "tags": json.dumps(cluster.tags),
                "state": cluster.state,
                "reason_code": cluster.reason.code if cluster.reason else None,
                "reason_message": cluster.reason.message if cluster.reason else None,
                "ready": cluster.ready,
                "ended": cluster.ended,
            },
        )

    def save_step(self, step: Step) -> None:
        """Write a step as it is now."""
        self._save(
            "steps",
            {
                "id": step.id,
                "cluster_id": step.cluster_id,
                "number": step.number,
                "name": step.name,
                "config": json.dumps(step.config),
                "role": step.role,
                "created": step.created,
                "state": step.state,
                "started": step.started,
                "ended": step.ended,
                "reason": step.reason,
                "failure_reason": step.failure.reason if step.failure else None,
                "failure_message": step.failure.message if step.failure else None,
                "failure_log_file": step.failure.log_file if step.failure else None,
                "process_starts": step.process_starts,
                "applications": json.dumps(step.applications),
            },
        )

    def load(self) -> dict[str, Cluster]:
        """Every cluster with its steps, oldest first, by id."""
        rows = self._connection.execute("SELECT * FROM clusters ORDER BY created, rowid")
        clusters = {row["id"]: _cluster(row) for row in rows}
        for row in self._connection.execute("SELECT * FROM steps ORDER BY cluster_id, number"):
            clusters[row["cluster_id"]].hold(_step(row))
        return clusters

    def ledger(self) -> list[dict[str, Any]]:
        """Every step there ever was, oldest first; may be called from any thread."""
        # Its own connection: a long ledger is read without keeping the writer waiting.
        with closing(_connect(self._path)) as connection:
            rows = connection.execute(
                "SELECT cluster_id AS cluster, id AS step, name, state, process_starts,"
                " created, started, ended FROM steps ORDER BY created, cluster_id, number"
            )
            return [dict(row) for row in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _save(self, table: str, row: dict[str, Any]) -> None:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        updates = ", ".join(f"{name} = excluded.{name}" for name in row)
        self._connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})"
            f" ON CONFLICT (id) DO UPDATE SET {updates}",
            list(row.values()),
        )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    # In WAL mode NORMAL survives a killed process; only a power cut may lose the last commits.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _cluster(row: sqlite3.Row) -> Cluster:
    reason = Reason(row["reason_code"], row["reason_message"]) if row["reason_code"] else None
    return Cluster(
        id=row["id"],
        request=json.loads(row["request"]),
        created=row["created"],
        concurrency=row["concurrency"],
        protected=bool(row["protected"]),
        tags=json.loads(row["tags"]),
        state=ClusterState(row["state"]),
        reason=reason,
        ready=row["ready"],
        ended=row["ended"],
    )


def _step(row: sqlite3.Row) -> Step:
    failure = (
        Failure(row["failure_reason"], row["failure_message"], row["failure_log_file"])
        if row["failure_reason"]
        else None
    )
    return Step(
        id=row["id"],
        cluster_id=row["cluster_id"],
        number=row["number"],
        config=json.loads(row["config"]),
        role=row["role"],
        created=row["created"],
        state=StepState(row["state"]),
        started=row["started"],
        ended=row["ended"],
        reason=row["reason"],
        failure=failure,
        process_starts=row["process_starts"],
        applications=tuple(json.loads(row["applications"])),
    )
