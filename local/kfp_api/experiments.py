"""Experiments in the database."""

from __future__ import annotations

import sqlite3
import time
import uuid
from dataclasses import dataclass

from kfp_lifecycle.local.kfp_api import rows

TABLE = "experiments"
DEFAULT = "Default"


@dataclass(frozen=True)
class Experiment:
    """A named group of runs; ``created`` in Unix seconds."""

    id: str
    name: str
    namespace: str
    description: str
    created: float
    archived: bool = False


def insert(connection: sqlite3.Connection, experiment: Experiment) -> None:
    """Add one.

    Raises:
        sqlite3.IntegrityError: the name is taken in its namespace.
    """
    rows.insert(connection, TABLE, experiment)


def get(connection: sqlite3.Connection, identity: str) -> Experiment | None:
    """The experiment of this id."""
    return next(iter(rows.select(connection, TABLE, Experiment, "WHERE id = ?", (identity,))), None)


def last_run(connection: sqlite3.Connection, identity: str) -> float | None:
    """When its newest run was made."""
    found = connection.execute("SELECT MAX(created) FROM runs WHERE experiment_id = ?", (identity,)).fetchone()
    moment: float | None = found[0]
    return moment


def default(connection: sqlite3.Connection, namespace: str) -> Experiment:
    """The namespace's experiment for runs that name none; made when it is missing. Call it in a transaction."""
    found = rows.select(connection, TABLE, Experiment, "WHERE namespace = ? AND name = ?", (namespace, DEFAULT))
    if found:
        return found[0]
    made = Experiment(str(uuid.uuid4()), DEFAULT, namespace, "For runs that name no experiment.", time.time())
    insert(connection, made)
    return made


def set_archived(connection: sqlite3.Connection, identity: str, archived: bool) -> None:
    """Archive or unarchive one; archiving takes its runs along and disables its recurring runs, as KFP does."""
    rows.update(connection, TABLE, {"id": identity}, archived=archived)
    if archived:
        rows.update(connection, "runs", {"experiment_id": identity}, archived=True)
        rows.update(connection, "recurring_runs", {"experiment_id": identity}, enabled=False, updated=time.time())


def delete(connection: sqlite3.Connection, identity: str) -> None:
    """Delete one; its runs and recurring runs stay, as KFP documents it."""
    connection.execute(f"DELETE FROM {TABLE} WHERE id = ?", (identity,))
