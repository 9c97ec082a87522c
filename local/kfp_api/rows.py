"""Rows of the KFP API's tables as frozen dataclasses whose fields are the columns, in their order."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypeVar

_JSON = frozenset({"documents", "parameters", "history", "inputs", "outputs", "trigger"})
_BOOLEAN = frozenset({"archived", "terminate", "no_catchup", "enabled", "caching"})

# Where the API tells a pipeline by its id, it does not tell the package.
PACKAGE_IF_TOLD = MappingProxyType({"documents": "CASE pipeline_id WHEN '' THEN documents ELSE '[]' END"})
NO_PACKAGE = MappingProxyType({"documents": "'[]'"})

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
    connection: sqlite3.Connection,
    table: str,
    kind: type[Row],
    rest: str = "",
    values: Sequence[Any] = (),
    *,
    instead: Mapping[str, str] = MappingProxyType({}),
) -> list[Row]:
    """The rows that ``rest`` (WHERE, ORDER BY, LIMIT) leaves.

    Args:
        instead: SQL to read in place of columns, for example of packages, which are large, where nobody needs them.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    read = ", ".join(instead.get(name, name) for name in names)
    found = connection.execute(f"SELECT {read} FROM {table} {rest}", values).fetchall()
    return [kind(**{name: _decoded(name, value) for name, value in zip(names, row, strict=True)}) for row in found]


def update(connection: sqlite3.Connection, table: str, key: Mapping[str, Any], **columns: Any) -> None:
    """Set columns of the rows whose columns in ``key`` have these values."""
    assigned = ", ".join(f"{name} = ?" for name in columns)
    meant = " AND ".join(f"{name} = ?" for name in key)
    values = [encoded(name, value) for name, value in columns.items()]
    connection.execute(f"UPDATE {table} SET {assigned} WHERE {meant}", (*values, *key.values()))


def encoded(name: str, value: Any) -> Any:
    """A field's value as its column holds it."""
    if name in _JSON:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return int(value) if isinstance(value, bool) else value


def _decoded(name: str, value: Any) -> Any:
    if name in _JSON:
        return json.loads(value)
    return bool(value) if name in _BOOLEAN and value is not None else value
