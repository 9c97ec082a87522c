"""Runs in the database."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from kfp_lifecycle.local.kfp_api import rows, states

TABLE = "runs"


@dataclass(frozen=True)
class Run:
    """A run; empty text where something does not apply.

    Attributes:
        documents: what is executed: the YAML documents at the moment of creation.
        parameters: as given, without the defaults of the pipeline.
        caching: for all tasks; None leaves it to the pipeline.
        scheduled: the slot of a recurring run, else the creation; Unix seconds as all times.
        history: ``[time, state, error]`` of each change.
        directory: the run's folder, once it was started.
        terminate: somebody asked for its end.
    """

    id: str
    name: str
    experiment_id: str
    namespace: str
    description: str
    pipeline_id: str
    version_id: str
    documents: list[Any]
    parameters: dict[str, Any]
    caching: bool | None
    service_account: str
    recurring_run_id: str
    created: float
    scheduled: float
    started: float | None = None
    finished: float | None = None
    state: str = states.PENDING
    error: str = ""
    history: list[list[Any]] = field(default_factory=list)
    directory: str = ""
    archived: bool = False
    terminate: bool = False


def insert(connection: sqlite3.Connection, run: Run) -> None:
    """Add a run; its history begins with its first state."""
    rows.insert(connection, TABLE, replace(run, history=run.history or [[run.created, run.state, run.error]]))


def get(connection: sqlite3.Connection, identity: str) -> Run | None:
    """The run of this id."""
    return next(iter(rows.select(connection, TABLE, Run, "WHERE id = ?", (identity,))), None)


def told(connection: sqlite3.Connection, identity: str) -> Run | None:
    """The run of this id as the API tells it: without ``documents`` where it tells the pipeline by its id."""
    found = rows.select(connection, TABLE, Run, "WHERE id = ?", (identity,), instead=rows.PACKAGE_IF_TOLD)
    return next(iter(found), None)


def in_states(connection: sqlite3.Connection, wanted: Iterable[str]) -> list[Run]:
    """The runs in any of these states, the oldest first."""
    names = tuple(wanted)
    marks = ", ".join("?" for _ in names)
    return rows.select(connection, TABLE, Run, f"WHERE state IN ({marks}) ORDER BY created, rowid", names)


def next_pending(connection: sqlite3.Connection) -> Run | None:
    """The oldest run that waits for its start."""
    oldest = "WHERE state = ? AND terminate = 0 ORDER BY created, rowid LIMIT 1"
    return next(iter(rows.select(connection, TABLE, Run, oldest, (states.PENDING,))), None)


def asked_to_end(connection: sqlite3.Connection) -> list[str]:
    """The ids of runs whose end was asked for, and which nobody ends yet."""
    wanted = f"SELECT id FROM {TABLE} WHERE terminate = 1 AND state IN (?, ?)"
    return [row[0] for row in connection.execute(wanted, (states.PENDING, states.RUNNING))]


def count_active(connection: sqlite3.Connection, recurring_run_id: str) -> int:
    """How many runs of a recurring run have not ended."""
    marks = ", ".join("?" for _ in states.ACTIVE)
    counted = f"SELECT COUNT(*) FROM {TABLE} WHERE recurring_run_id = ? AND state IN ({marks})"
    number: int = connection.execute(counted, (recurring_run_id, *states.ACTIVE)).fetchone()[0]
    return number


def enter(connection: sqlite3.Connection, identity: str, state: str, *, error: str = "", directory: str = "") -> None:
    """Bring a run into another state and write that into its history; call it in a transaction.

    Entering RUNNING sets its start, entering a final state its end. ``directory`` is kept if empty.
    """
    # The package, which may be megabytes, is not read for it.
    found = connection.execute(f"SELECT history, started FROM {TABLE} WHERE id = ?", (identity,)).fetchone()
    if found is None:
        return
    history, started = found
    now = time.time()
    columns: dict[str, Any] = {"state": state, "error": error, "history": [*json.loads(history), [now, state, error]]}
    if state == states.RUNNING and started is None:
        columns["started"] = now
    if state in states.FINAL:
        columns["finished"] = now
    if directory:
        columns["directory"] = directory
    rows.update(connection, TABLE, {"id": identity}, **columns)


def ask_to_end(connection: sqlite3.Connection, identity: str) -> None:
    """Note that a run shall end; the executor ends it."""
    rows.update(connection, TABLE, {"id": identity}, terminate=True)


def set_archived(connection: sqlite3.Connection, identity: str, archived: bool) -> None:
    """Archive or unarchive a run."""
    rows.update(connection, TABLE, {"id": identity}, archived=archived)


def delete(connection: sqlite3.Connection, identity: str) -> None:
    """Delete a run and what is known of its tasks; its folder stays."""
    connection.execute("DELETE FROM tasks WHERE run_id = ?", (identity,))
    connection.execute(f"DELETE FROM {TABLE} WHERE id = ?", (identity,))
