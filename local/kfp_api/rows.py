"""Rows of the KFP API's tables as frozen dataclasses whose fields are the columns, in their order."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

_JSON = frozenset({"documents", "parameters", "history", "inputs", "outputs", "trigger"})
_BOOLEAN = frozenset({"archived", "terminate", "no_catchup", "enabled", "caching"})

Row = TypeVar("Row")


def insert(connection: sqlite3.Connection, table: str, row: Any) -> None:
    """Add a row.

    Raises:
        sqlite3.IntegrityError: its id or name is taken.
    """
    names = [field.name for field in fields(row)]
    values = [encoded(name, getattr(row, name)) for name in names]
    marks = ", ".join("?" for _ in names)
    connection.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", values)


def select(
    connection: sqlite3.Connection, table: str, kind: type[Row], rest: str = "", values: Sequence[Any] = ()
) -> list[Row]:
    """The rows that ``rest`` (WHERE, ORDER BY, LIMIT) leaves."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    found = connection.execute(f"SELECT {', '.join(names)} FROM {table} {rest}", values).fetchall()
    return [kind(**{name: _decoded(name, value) for name, value in zip(names, row, strict=True)}) for row in found]


def update(connection: sqlite3.Connection, table: str, key: str, identity: str, **columns: Any) -> bool:
    """Set columns of the row whose ``key`` column has this value; whether there was one."""
    assigned = ", ".join(f"{name} = ?" for name in columns)
    values = [encoded(name, value) for name, value in columns.items()]
    return connection.execute(f"UPDATE {table} SET {assigned} WHERE {key} = ?", (*values, identity)).rowcount > 0


def encoded(name: str, value: Any) -> Any:
    """A field's value as its column holds it."""
    if name in _JSON:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return int(value) if isinstance(value, bool) else value


def _decoded(name: str, value: Any) -> Any:
    if name in _JSON:
        return json.loads(value)
    return bool(value) if name in _BOOLEAN and value is not None else value
