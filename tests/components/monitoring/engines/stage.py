"""Windows and references for tests of the drift engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from kfp_lifecycle.components.monitoring.engines.drift import drift_of, window_sketches
from kfp_lifecycle.components.monitoring.engines.engine import engine_named
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan
from kfp_lifecycle.components.monitoring.engines.reference import NumberReference, Reference, profile_reference
from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows
from kfp_lifecycle.components.monitoring.findings import ColumnDrift
from kfp_lifecycle.core.signature import ColumnType
from kfp_lifecycle.core.window import Window

WINDOW = Window(datetime(2013, 3, 4, tzinfo=UTC), datetime(2013, 3, 11, tzinfo=UTC))
ENGINES = ("native", "alibi-detect")


def window_of(columns: Mapping[str, Any], rows_a_batch: int = 1000) -> WindowRows:
    """A window in memory, read in batches as from a table."""
    table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))

    def read(names: Sequence[str]) -> Sequence[pa.RecordBatch]:
        return table.select(list(names)).to_batches(max_chunksize=rows_a_batch)

    return WindowRows(WINDOW, table.num_rows, table.schema, read)


def every_value(values: Sequence[float]) -> NumberReference:
    """A reference that holds every value."""
    present = np.sort(np.asarray(values, dtype=np.float64))
    return NumberReference(len(present), 0, present, None, float(present.mean()), float(present.std()))


def sketches_of(columns: Mapping[str, Any], types: Mapping[str, ColumnType]) -> Reference:
    """The columns' profile; it holds every value of a column with at most 1001."""
    rows = window_of(columns)
    return profile_reference(window_sketches(rows, types), rows.rows)


def column_of(kind: ColumnType, reference: Any, window: Any, engine: str = "native", **settings: Any) -> ColumnDrift:
    """The drift of one column named ``x``."""
    plan = DriftPlan({"x": kind}, **settings)
    base = sketches_of({"x": reference}, {"x": kind})
    return drift_of(window_of({"x": window}), base, plan, engine_named(engine)).columns[0]
