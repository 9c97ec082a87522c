"""Objects on disk: one sqlite file, one counter of versions, every change atomic and durable."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kfp_lifecycle.local.kubernetes_api.history import Change, History

# Clients and tests use version 1 as one that is long gone, so counting starts well above it.
FIRST_VERSION = 1000

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class Key(NamedTuple):
    """Address of an object: qualified plural (`leases.coordination.k8s.io`), namespace ("" for none), name."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Decision:
    """What a change makes of an object: keep it as stored, put this state, or remove it."""

    effect: Literal["keep", "put", "remove"]
    object: dict[str, Any]


class Store:
    """The objects of one local cluster. State survives a killed process; one process at a time may open it.

    Args:
        path: the sqlite file; made when absent.

    Raises:
        sqlite3.OperationalError: another process has the file open ("database is locked").
    """

    def __init__(self, path: str | Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.5)
        # EXCLUSIVE keeps a second server off the same state. NORMAL survives the death of the process
        # (not of the machine), which is what a local cluster promises.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
            self._db.execute(f"PRAGMA {pragma}").fetchone()
        self._db.executescript(_TABLES)
        self._db.execute("INSERT OR IGNORE INTO numbers VALUES ('version', ?)", (FIRST_VERSION,))
        self.version: int = self._db.execute("SELECT value FROM numbers WHERE name = 'version'").fetchone()[0]
        self._opened: int = self.version
        self.history = History(self.version)
        self._touched: dict[str, int] = {}

    def text(self, key: Key) -> str | None:
        """JSON of an object, None when absent."""
        rows = self._read("SELECT body FROM objects WHERE resource = ? AND namespace = ? AND name = ?", key)
        found: str | None = rows[0][0] if rows else None
        return found

    def get(self, key: Key) -> dict[str, Any] | None:
        """An object, None when absent. The caller may change it."""
        text = self.text(key)
        found: dict[str, Any] | None = json.loads(text) if text is not None else None
        return found

    def scan(self, resource: str, namespace: str = "", after: tuple[str, str] = ("", "")) -> Iterator[dict[str, Any]]:
        """Objects of one resource by namespace and name, those behind `after` (namespace, name) only."""
        clause, values = ("AND namespace = ? ", [namespace]) if namespace else ("", [])
        rows = self._read(
            f"SELECT body FROM objects WHERE resource = ? {clause}AND (namespace, name) > (?, ?) "
            "ORDER BY namespace, name",
            [resource, *values, *after],
        )
        for (body,) in rows:
            yield json.loads(body)

    def has(self, namespace: str) -> bool:
        """Whether the namespace holds anything."""
        return bool(self._read("SELECT 1 FROM objects WHERE namespace = ? LIMIT 1", (namespace,)))

    def touched(self, resource: str) -> int:
        """Version of the last change of a resource (of the opening of the store when there was none since)."""
        return self._touched.get(resource, self._opened)

    def change(self, key: Key, decide: Callable[[dict[str, Any] | None], Decision]) -> dict[str, Any]:
        """Read, decide and write one object in one transaction; no other writer comes between.

        `decide` gets the stored object (None when absent). What it raises undoes the transaction.

        Returns:
            The object of the decision; a put object carries its new resourceVersion.
        """
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                before = self.get(key)
                decision = decide(before)
                change = self._write(key, before, decision)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            if change is not None:
                self.version = change.version
                self._touched[key.resource] = change.version
                self.history.add(change)
            return decision.object if change is None or decision.effect == "remove" else change.after

    def _write(self, key: Key, before: dict[str, Any] | None, decision: Decision) -> Change | None:
        if decision.effect == "keep":
            return None
        version = self.version + 1
        last = before if decision.effect == "remove" and before is not None else decision.object
        after = {**last, "metadata": {**last["metadata"], "resourceVersion": str(version)}}
        text = json.dumps(after, separators=(",", ":"), ensure_ascii=False)
        if decision.effect == "put":
            self._db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (*key, text))
        else:
            self._db.execute("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", key)
        self._db.execute("UPDATE numbers SET value = ? WHERE name = 'version'", (version,))
        kind = "DELETED" if decision.effect == "remove" else "MODIFIED" if before is not None else "ADDED"
        return Change(version, kind, key.resource, key.namespace, after, before, text)

    def _read(self, query: str, values: Sequence[Any]) -> list[Any]:
        with self._lock:  # a reader in another thread must not see a transaction that is still open
            return self._db.execute(query, values).fetchall()

    def secret(self, name: str, fresh: bytes) -> bytes:
        """A value that stays the same over restarts: `fresh` the first time, then what was stored."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, fresh))
            found: bytes = self._db.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()[0]
            return found

    def close(self) -> None:
        """Ends every watch and closes the file."""
        self.history.close()
        with self._lock:
            self._db.close()
