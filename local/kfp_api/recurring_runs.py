"""Recurring runs in the database, and the slots that they have taken."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.local.kfp_api import rows

TABLE = "recurring_runs"


@dataclass(frozen=True)
class RecurringRun:
    """A schedule.

    Attributes:
        version_id: None with a ``pipeline_id`` means the latest version at each firing.
        documents: the pinned version's, or those given inline; empty where the latest version is meant.
        trigger: JSON of a V2beta1Trigger: ``cron_schedule`` or ``periodic_schedule``.
        next_at: the next slot, Unix seconds; None where none is computed yet or none is left.
    """

    id: str
    name: str
    experiment_id: str
    namespace: str
    description: str
    pipeline_id: str
    version_id: str | None
    documents: list[Any]
    parameters: dict[str, Any]
    caching: bool | None
    service_account: str
    max_concurrency: int
    no_catchup: bool
    trigger: dict[str, Any]
    enabled: bool
    created: float
    updated: float
    next_at: float | None = None


def insert(connection: sqlite3.Connection, recurring: RecurringRun) -> None:
    """Add one."""
    rows.insert(connection, TABLE, recurring)


def get(connection: sqlite3.Connection, identity: str) -> RecurringRun | None:
    """The recurring run of this id."""
    return next(iter(rows.select(connection, TABLE, RecurringRun, "WHERE id = ?", (identity,))), None)


def enabled(connection: sqlite3.Connection) -> list[RecurringRun]:
    """Those that are switched on; without their ``documents``."""
    on = "WHERE enabled = 1 ORDER BY created, rowid"
    return rows.select(connection, TABLE, RecurringRun, on, instead=rows.NO_PACKAGE)


def set_enabled(connection: sqlite3.Connection, identity: str, value: bool) -> None:
    """Switch one on or off; the scheduler computes its next slot anew."""
    rows.update(connection, TABLE, {"id": identity}, enabled=value, updated=time.time(), next_at=None)


def set_next(connection: sqlite3.Connection, identity: str, next_at: float | None) -> None:
    """Note the next slot."""
    rows.update(connection, TABLE, {"id": identity}, next_at=next_at)


def delete(connection: sqlite3.Connection, identity: str) -> None:
    """Delete one and its slots; its runs stay."""
    connection.execute("DELETE FROM slots WHERE recurring_run_id = ?", (identity,))
    connection.execute(f"DELETE FROM {TABLE} WHERE id = ?", (identity,))


def take_slot(connection: sqlite3.Connection, identity: str, slot: float, run_id: str) -> bool:
    """Take a slot for a run, in the transaction that inserts the run; False if it is taken."""
    taken = connection.execute("INSERT OR IGNORE INTO slots VALUES (?, ?, ?)", (identity, slot, run_id))
    return taken.rowcount == 1


def last_slot(connection: sqlite3.Connection, identity: str) -> float | None:
    """The latest slot that was taken."""
    found = connection.execute("SELECT MAX(slot) FROM slots WHERE recurring_run_id = ?", (identity,)).fetchone()
    slot: float | None = found[0]
    return slot


def count_slots(connection: sqlite3.Connection, identity: str) -> int:
    """How many slots were taken."""
    counted = "SELECT COUNT(*) FROM slots WHERE recurring_run_id = ?"
    number: int = connection.execute(counted, (identity,)).fetchone()[0]
    return number
