"""Tasks of runs in the database: one row for each execution of a task."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field
from typing import Any

from kfp_lifecycle.local.kfp_api import rows, states

TABLE = "tasks"


@dataclass(frozen=True)
class Task:
    """One execution of a task.

    Attributes:
        number: tells the executions of a run apart, from 0 in the order of their starts.
        log: path of the file with its output.
        directory: where its artifacts are, by name.
        state: SKIPPED if an earlier run's outputs were taken from the cache, as KFP calls it; then there is no log.
        inputs: ``parameters`` by name, and ``artifacts``: by name, a list of ``uri``, ``type`` and ``metadata``.
        outputs: in the same form.
    """

    run_id: str
    number: int
    name: str
    state: str
    started: float | None = None
    finished: float | None = None
    error: str = ""
    log: str = ""
    directory: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


def insert(connection: sqlite3.Connection, task: Task) -> None:
    """Add a task.

    Raises:
        sqlite3.IntegrityError: its number is taken in the run.
    """
    rows.insert(connection, TABLE, task)


def of_run(connection: sqlite3.Connection, run_id: str) -> list[Task]:
    """The tasks of a run, by number."""
    return rows.select(connection, TABLE, Task, "WHERE run_id = ? ORDER BY number", (run_id,))


def get(connection: sqlite3.Connection, run_id: str, number: int) -> Task | None:
    """One task."""
    return next(iter(rows.select(connection, TABLE, Task, "WHERE run_id = ? AND number = ?", (run_id, number))), None)


def update(connection: sqlite3.Connection, run_id: str, number: int, **columns: Any) -> None:
    """Set fields of one task."""
    rows.update(connection, TABLE, {"run_id": run_id, "number": number}, **columns)


def end_all(connection: sqlite3.Connection, run_id: str, *, state: str, error: str) -> None:
    """Give a run's tasks that still run a final state; for a run that has ended without them."""
    for task in of_run(connection, run_id):
        if task.state not in states.FINAL:
            update(connection, run_id, task.number, state=state, error=error, finished=time.time())
