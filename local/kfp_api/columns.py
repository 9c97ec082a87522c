"""Fields by which lists are filtered and sorted: the API's names, and the SQL that each stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kfp_lifecycle.local.kfp_api import rows

_STORAGE = "CASE archived WHEN 1 THEN 'ARCHIVED' ELSE 'AVAILABLE' END"
_STATUS = "CASE enabled WHEN 1 THEN 'ENABLED' ELSE 'DISABLED' END"


@dataclass(frozen=True)
class Column:
    """One field.

    Attributes:
        sql: an expression that is never NULL, because a page token must be able to name its value.
    """

    sql: str
    kind: Literal["text", "time", "number"] = "text"


@dataclass(frozen=True)
class Listing:
    """A table that is listed.

    Attributes:
        unit: what one row is, in messages.
        columns: by the API's names.
        instead: see :func:`kfp_lifecycle.local.kfp_api.rows.select`.
    """

    table: str
    unit: str
    columns: dict[str, Column]
    instead: Mapping[str, str] = field(default_factory=dict)


_ALL = {
    "id": Column("id"),
    "name": Column("name"),
    "display_name": Column("name"),
    "created_at": Column("created", "time"),
    "description": Column("description"),
}
_DISPLAYED = {**_ALL, "display_name": Column("display_name")}

EXPERIMENTS = Listing(
    "experiments",
    "experiment",
    {**_ALL, "experiment_id": Column("id"), "namespace": Column("namespace"), "storage_state": Column(_STORAGE)},
)
PIPELINES = Listing(
    "pipelines", "pipeline", {**_DISPLAYED, "pipeline_id": Column("id"), "namespace": Column("namespace")}
)
VERSIONS = Listing(
    "versions",
    "pipeline version",
    {**_DISPLAYED, "pipeline_version_id": Column("id"), "pipeline_id": Column("pipeline_id")},
)
RUNS = Listing(
    "runs",
    "run",
    {
        **_ALL,
        "run_id": Column("id"),
        "experiment_id": Column("experiment_id"),
        "namespace": Column("namespace"),
        "pipeline_version_id": Column("version_id"),
        "recurring_run_id": Column("recurring_run_id"),
        "service_account": Column("service_account"),
        "state": Column("state"),
        "storage_state": Column(_STORAGE),
        "scheduled_at": Column("scheduled", "time"),
        "finished_at": Column("COALESCE(finished, 0.0)", "time"),
    },
    rows.PACKAGE_IF_TOLD,
)
RECURRING_RUNS = Listing(
    "recurring_runs",
    "recurring run",
    {
        **_ALL,
        "recurring_run_id": Column("id"),
        "experiment_id": Column("experiment_id"),
        "namespace": Column("namespace"),
        "service_account": Column("service_account"),
        "status": Column(_STATUS),
        "max_concurrency": Column("max_concurrency", "number"),
        "updated_at": Column("updated", "time"),
    },
    rows.PACKAGE_IF_TOLD,
)
