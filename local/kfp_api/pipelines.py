"""Pipelines and their versions in the database."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.local.kfp_api import rows

TABLE = "pipelines"
VERSIONS = "versions"


@dataclass(frozen=True)
class Pipeline:
    """A name under which versions are uploaded."""

    id: str
    name: str
    display_name: str
    namespace: str
    description: str
    created: float


@dataclass(frozen=True)
class Version:
    """One uploaded package.

    Attributes:
        documents: of the YAML file: the pipeline spec, and the platform spec if there is one.
    """

    id: str
    pipeline_id: str
    name: str
    display_name: str
    description: str
    created: float
    documents: list[Any]


def insert(connection: sqlite3.Connection, pipeline: Pipeline) -> None:
    """Add a pipeline.

    Raises:
        sqlite3.IntegrityError: the name is taken in its namespace.
    """
    rows.insert(connection, TABLE, pipeline)


def get(connection: sqlite3.Connection, identity: str) -> Pipeline | None:
    """The pipeline of this id."""
    return next(iter(rows.select(connection, TABLE, Pipeline, "WHERE id = ?", (identity,))), None)


def named(connection: sqlite3.Connection, name: str, namespace: str) -> Pipeline | None:
    """The pipeline of this name."""
    found = rows.select(connection, TABLE, Pipeline, "WHERE name = ? AND namespace = ?", (name, namespace))
    return next(iter(found), None)


def delete(connection: sqlite3.Connection, identity: str) -> None:
    """Delete a pipeline and its versions."""
    connection.execute(f"DELETE FROM {VERSIONS} WHERE pipeline_id = ?", (identity,))
    connection.execute(f"DELETE FROM {TABLE} WHERE id = ?", (identity,))


def insert_version(connection: sqlite3.Connection, version: Version) -> None:
    """Add a version.

    Raises:
        sqlite3.IntegrityError: the name is taken in its pipeline.
    """
    rows.insert(connection, VERSIONS, version)


def get_version(connection: sqlite3.Connection, identity: str) -> Version | None:
    """The version of this id."""
    return next(iter(rows.select(connection, VERSIONS, Version, "WHERE id = ?", (identity,))), None)


def latest_version(connection: sqlite3.Connection, pipeline_id: str) -> Version | None:
    """The version that was uploaded last."""
    newest = "WHERE pipeline_id = ? ORDER BY created DESC, rowid DESC LIMIT 1"
    return next(iter(rows.select(connection, VERSIONS, Version, newest, (pipeline_id,))), None)


def has_versions(connection: sqlite3.Connection, pipeline_id: str) -> bool:
    """Whether any version of the pipeline is left."""
    return connection.execute(f"SELECT 1 FROM {VERSIONS} WHERE pipeline_id = ?", (pipeline_id,)).fetchone() is not None


def delete_version(connection: sqlite3.Connection, identity: str) -> None:
    """Delete a version."""
    connection.execute(f"DELETE FROM {VERSIONS} WHERE id = ?", (identity,))
