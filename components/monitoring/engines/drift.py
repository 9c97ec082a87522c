"""Drift of one window: every column tested by the same rules, whichever engine makes the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from kfp_lifecycle.components.monitoring.engines.column_drift import column_drift, untested
from kfp_lifecycle.components.monitoring.engines.column_values import (
    CategoryColumn,
    ColumnValues,
    misfit,
    read_columns,
)
from kfp_lifecycle.components.monitoring.engines.corrections import CORRECTIONS
from kfp_lifecycle.components.monitoring.engines.engine import Engine
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan
from kfp_lifecycle.components.monitoring.engines.reference import Reference
from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows
from kfp_lifecycle.components.monitoring.findings import ColumnDrift, WindowDrift
from kfp_lifecycle.core.signature import ColumnType
from kfp_lifecycle.core.sketches import CategorySketch, Sketch, sketch_counts, sketch_numbers

# Columns are read together up to so many values: each reading opens the files anew.
_VALUES_AT_ONCE = 8_000_000
_COLUMNS_AT_ONCE = 16


def drift_of(rows: WindowRows, reference: Reference, plan: DriftPlan, engine: Engine) -> WindowDrift:
    """Test every column of the plan.

    A column that cannot be tested honestly has no test, and ``note`` says why: it is absent or of another type, has too
    few values, or the reference has none. Missing values are tested as a share of their own and left out of all else.
    ``joint`` is left empty: ``joint.joint_of`` makes it. Memory holds a few columns at a time.

    Args:
        rows: of the window.
        reference: what they are compared with.
        plan: what is tested, and when a column counts as drifted.
        engine: ``engine_named("native")`` or ``engine_named("alibi-detect")``.
    """
    if not rows.rows:
        return WindowDrift(rows.window, 0, (), note="the window has no rows")
    found: dict[str, ColumnDrift] = {}
    sound: dict[str, ColumnType] = {}
    for name, kind in plan.columns.items():
        if reason := _unfit(name, kind, rows, reference):
            found[name] = untested(name, kind, plan, reason)
        else:
            sound[name] = kind
    for names in _chunks(list(sound), rows.rows):
        references = {name: reference.columns[name]() for name in names}
        known = {name: item.counts for name, item in references.items() if isinstance(item, CategorySketch)}
        for name, values in _read(rows, {name: sound[name] for name in names}, known).items():
            found[name] = column_drift(name, sound[name], references[name], values, plan, engine)
    return WindowDrift(rows.window, rows.rows, _corrected([found[name] for name in plan.columns], plan))


def window_sketches(rows: WindowRows, columns: Mapping[str, ColumnType]) -> dict[str, Sketch]:
    """Sketches of a window's columns, to be drawn over the reference's; columns that do not fit are left out."""
    fitting = {
        name: kind
        for name, kind in columns.items()
        if name in rows.schema.names and not misfit(kind, rows.schema.field(name).type)
    }
    sketches: dict[str, Sketch] = {}
    for names in _chunks(list(fitting), rows.rows):
        for name, values in _read(rows, {name: fitting[name] for name in names}, {}).items():
            sketches[name] = sketch_of(values)
    return sketches


def sketch_of(values: ColumnValues) -> Sketch:
    """What a profile would keep of these values."""
    if isinstance(values, CategoryColumn):
        return sketch_counts(values.counts, values.rows)
    sketch = sketch_numbers(values.values)
    return replace(sketch, rows=values.rows, missing=values.missing)


def _unfit(name: str, kind: ColumnType, rows: WindowRows, reference: Reference) -> str:
    if name not in rows.schema.names:
        return "the window lacks the column"
    if reason := misfit(kind, rows.schema.field(name).type):
        return reason
    return "" if name in reference.columns else "the reference lacks the column"


def _read(
    rows: WindowRows, types: Mapping[str, ColumnType], known: Mapping[str, Mapping[str, int]]
) -> dict[str, ColumnValues]:
    return read_columns(rows.read(list(types)), types, known)


def _chunks(names: Sequence[str], rows: int) -> Iterator[Sequence[str]]:
    size = min(_COLUMNS_AT_ONCE, max(1, _VALUES_AT_ONCE // max(rows, 1)))
    return (names[start : start + size] for start in range(0, len(names), size))


def _corrected(columns: Sequence[ColumnDrift], plan: DriftPlan) -> tuple[ColumnDrift, ...]:
    """Each tested column with its corrected p and the verdict."""
    p_values = [column.p_value for column in columns if column.p_value is not None]
    adjusted = iter(CORRECTIONS[plan.correction](np.array(p_values, dtype=np.float64)).tolist())
    return tuple(column if column.p_value is None else _judged(column, next(adjusted), plan) for column in columns)


def _judged(column: ColumnDrift, adjusted: float, plan: DriftPlan) -> ColumnDrift:
    large = column.psi is not None and column.psi > plan.psi_limit
    return replace(column, adjusted_p=adjusted, drifted=large and adjusted < plan.drift_p)
