"""The sqlite file of the KFP API: its schema, how it is opened, and transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kfp_lifecycle.local.state import PRIVATE

FILE = "kfp.sqlite"
_BUSY_SECONDS = 30.0

# Times are Unix seconds. Columns that hold JSON are named in rows.py. What refers to a deleted thing keeps its id,
# as KFP does it: a run outlives its pipeline, its experiment and its recurring run.
_TABLES = """
CREATE TABLE IF NOT EXISTS experiments (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, namespace TEXT NOT NULL, description TEXT NOT NULL,
    created REAL NOT NULL, archived INTEGER NOT NULL, UNIQUE (namespace, name)
) STRICT;
CREATE TABLE IF NOT EXISTS pipelines (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, display_name TEXT NOT NULL, namespace TEXT NOT NULL,
    description TEXT NOT NULL, created REAL NOT NULL, UNIQUE (namespace, name)
) STRICT;
CREATE TABLE IF NOT EXISTS versions (
    id TEXT PRIMARY KEY, pipeline_id TEXT NOT NULL, name TEXT NOT NULL, display_name TEXT NOT NULL,
    description TEXT NOT NULL, created REAL NOT NULL, documents TEXT NOT NULL, UNIQUE (pipeline_id, name)
) STRICT;
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, experiment_id TEXT NOT NULL, namespace TEXT NOT NULL,
    description TEXT NOT NULL, pipeline_id TEXT NOT NULL, version_id TEXT NOT NULL, documents TEXT NOT NULL,
    parameters TEXT NOT NULL, caching INTEGER, service_account TEXT NOT NULL, recurring_run_id TEXT NOT NULL,
    created REAL NOT NULL, scheduled REAL NOT NULL, started REAL, finished REAL, state TEXT NOT NULL,
    error TEXT NOT NULL, history TEXT NOT NULL, directory TEXT NOT NULL, archived INTEGER NOT NULL,
    terminate INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state, created);
CREATE INDEX IF NOT EXISTS runs_by_creation ON runs (created, id);
CREATE INDEX IF NOT EXISTS runs_by_experiment ON runs (experiment_id, created);
CREATE INDEX IF NOT EXISTS runs_by_schedule ON runs (recurring_run_id, state);
CREATE TABLE IF NOT EXISTS tasks (
    run_id TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, started REAL,
    finished REAL, error TEXT NOT NULL, log TEXT NOT NULL, directory TEXT NOT NULL, inputs TEXT NOT NULL,
    outputs TEXT NOT NULL, PRIMARY KEY (run_id, number)
) STRICT;
CREATE TABLE IF NOT EXISTS recurring_runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, experiment_id TEXT NOT NULL, namespace TEXT NOT NULL,
    description TEXT NOT NULL, pipeline_id TEXT NOT NULL, version_id TEXT, documents TEXT NOT NULL,
    parameters TEXT NOT NULL, caching INTEGER, service_account TEXT NOT NULL, max_concurrency INTEGER NOT NULL,
    no_catchup INTEGER NOT NULL, trigger TEXT NOT NULL, enabled INTEGER NOT NULL, created REAL NOT NULL,
    updated REAL NOT NULL, next_at REAL
) STRICT;
CREATE TABLE IF NOT EXISTS slots (
    recurring_run_id TEXT NOT NULL, slot REAL NOT NULL, run_id TEXT NOT NULL, PRIMARY KEY (recurring_run_id, slot)
) STRICT, WITHOUT ROWID;
"""


def connect(path: str | Path) -> sqlite3.Connection:
    """Open the file, and make it with its tables if it is missing; one connection a thread.

    Outside of :func:`transaction` each statement is a transaction of its own.
    """
    Path(path).touch(mode=PRIVATE)
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS)
    connection.execute("PRAGMA journal_mode=WAL").fetchone()
    # FULL: what decides (a slot is taken, a run is asked to end) is on disk when it is answered.
    connection.execute("PRAGMA synchronous=FULL")
    connection.executescript(_TABLES)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing, and no other writer in between: what is read inside still holds when it is written."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class ThreadConnections(threading.local):
    """A connection for each thread that asks; for the threads of a server's pool."""

    def __init__(self, path: str | Path) -> None:
        self.connection = connect(path)
