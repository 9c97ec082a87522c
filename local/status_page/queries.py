"""The lists of the status page, read from the database; without the packages, which are large."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kfp_lifecycle.local.kfp_api import rows, states
from kfp_lifecycle.local.kfp_api.recurring_runs import RecurringRun

PAGE_SIZE = 25
_LONGEST_ERROR = 600
_MOST = 500

# A run of a package without a pipeline has its name in the package only.
_RUN_COLUMNS = f"""
    SELECT r.id, r.name, r.state, r.created, r.started, r.finished, substr(r.error, -{_LONGEST_ERROR}),
           r.recurring_run_id, r.pipeline_id,
           coalesce(nullif(p.display_name, ''), p.name, json_extract(r.documents, '$[0].pipelineInfo.name'), '')
    FROM runs r LEFT JOIN pipelines p ON p.id = r.pipeline_id
"""


@dataclass(frozen=True)
class RunLine:
    """A run in a list."""

    id: str
    name: str
    state: str
    created: float
    started: float | None
    finished: float | None
    error: str
    recurring_run_id: str
    pipeline_id: str
    pipeline: str


@dataclass(frozen=True)
class ScheduleLine:
    """A recurring run in a list, with its last runs, the newest first."""

    recurring: RecurringRun
    pipeline: str
    runs: tuple[RunLine, ...]


@dataclass(frozen=True)
class PipelineLine:
    """A pipeline in a list; ``newest`` is the name of its newest version, empty without one."""

    id: str
    name: str
    description: str
    created: float
    versions: int
    newest: str
    newest_created: float | None


@dataclass(frozen=True)
class VersionLine:
    """A version without its package."""

    id: str
    name: str
    display_name: str
    description: str
    created: float


def run_lines(
    connection: sqlite3.Connection,
    equal: Mapping[str, str] | None = None,
    *,
    page: int = 1,
    size: int = PAGE_SIZE,
    active: bool = False,
) -> tuple[list[RunLine], bool]:
    """Runs that are not archived, the newest first, and whether there are more.

    Args:
        equal: columns of ``runs`` and the values that they must have; an empty value asks for nothing.
        page: from 1.
        active: only those that are not finished.
    """
    asked = {name: value for name, value in (equal or {}).items() if value}
    where = ["r.archived = 0", *(f"r.{name} = ?" for name in asked)]
    if active:
        where.append(f"r.state IN ({', '.join(repr(state) for state in states.ACTIVE)})")
    found = connection.execute(
        f"{_RUN_COLUMNS} WHERE {' AND '.join(where)} ORDER BY r.created DESC, r.id DESC LIMIT ? OFFSET ?",
        (*asked.values(), size + 1, (page - 1) * size),
    ).fetchall()
    return [RunLine(*row) for row in found[:size]], len(found) > size


def schedule_lines(connection: sqlite3.Connection, last: int = 5) -> list[ScheduleLine]:
    """All recurring runs, those that are switched on and fire next first."""
    order = f"ORDER BY enabled DESC, next_at IS NULL, next_at, created LIMIT {_MOST}"
    names = pipeline_names(connection)
    lines = []
    for recurring in rows.select(connection, "recurring_runs", RecurringRun, order):
        runs, _ = run_lines(connection, {"recurring_run_id": recurring.id}, size=last)
        lines.append(ScheduleLine(recurring, _pipeline_of(recurring, names), tuple(runs)))
    return lines


def pipeline_names(connection: sqlite3.Connection) -> dict[str, str]:
    """Pipelines' names by their ids, sorted by name."""
    found = connection.execute(
        f"SELECT id, coalesce(nullif(display_name, ''), name) AS shown FROM pipelines ORDER BY shown LIMIT {_MOST}"
    )
    return dict(found.fetchall())


def pipeline_lines(connection: sqlite3.Connection) -> list[PipelineLine]:
    """All pipelines, by name."""
    found = connection.execute(
        f"""
        SELECT p.id, coalesce(nullif(p.display_name, ''), p.name) AS shown, p.description, p.created, count(v.id),
               coalesce(nullif(v.display_name, ''), v.name, ''), max(v.created)
        FROM pipelines p LEFT JOIN versions v ON v.pipeline_id = p.id GROUP BY p.id ORDER BY shown LIMIT {_MOST}
        """
    )
    return [PipelineLine(*row) for row in found.fetchall()]


def version_lines(connection: sqlite3.Connection, pipeline_id: str) -> list[VersionLine]:
    """The versions of a pipeline, the newest first."""
    rest = f"WHERE pipeline_id = ? ORDER BY created DESC, rowid DESC LIMIT {_MOST}"
    return rows.select(connection, "versions", VersionLine, rest, (pipeline_id,))


def _pipeline_of(recurring: RecurringRun, names: dict[str, str]) -> str:
    return names.get(recurring.pipeline_id) or pipeline_name(recurring.documents)


def pipeline_name(documents: Sequence[Any]) -> str:
    """The name in a package, empty if it holds none."""
    first = documents[0] if documents and isinstance(documents[0], dict) else {}
    info = first.get("pipelineInfo")
    return str(info.get("name", "")) if isinstance(info, dict) else ""
