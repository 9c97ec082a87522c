"""Drift of one column, and the cases in which a test would answer wrongly without a word."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.components.monitoring.engines.column_values import CategoryColumn, ColumnValues, NumberColumn
from kfp_lifecycle.components.monitoring.engines.effects import jensen_shannon, number_cells, psi, wasserstein
from kfp_lifecycle.components.monitoring.engines.engine import Engine, TestResult
from kfp_lifecycle.components.monitoring.engines.missing_values import missing_p
from kfp_lifecycle.components.monitoring.engines.plan import DriftPlan
from kfp_lifecycle.components.monitoring.engines.pooling import pooled
from kfp_lifecycle.components.monitoring.engines.reference import ColumnReference, NumberReference
from kfp_lifecycle.components.monitoring.engines.reference_shares import rows_below
from kfp_lifecycle.components.monitoring.findings import ColumnDrift
from kfp_lifecycle.core.signature import ColumnType
from kfp_lifecycle.core.sketches import CategorySketch

if TYPE_CHECKING:
    import numpy.typing as npt

    Counts = npt.NDArray[np.int64]
    Cells = tuple[npt.NDArray[Any], npt.NDArray[Any]]

# Two constants this near are one value, computed in two ways, such as 0.1 + 0.2 and 0.3.
_SAME = 1e-9
# The statistic of Cramer and von Mises has mean 1/6 and a critical value of 0.46 at 5 %.
_CVM_SURPLUS = 0.01


def untested(name: str, kind: ColumnType, plan: DriftPlan, reason: str) -> ColumnDrift:
    """A column that is not even read: no row of it has a value that could be used."""
    return ColumnDrift(
        name, kind, "", None, None, None, None, None, None, 0.0, 0, 1.0, 0.0, None,
        plan.importances.get(name, 0.0), name in plan.important, note=reason,
    )  # fmt: skip


def column_drift(
    name: str, kind: ColumnType, reference: ColumnReference, values: ColumnValues, plan: DriftPlan, engine: Engine
) -> ColumnDrift:
    """Test one column; the correction for the number of columns is the caller's.

    Args:
        name: of the column.
        kind: how the model takes it.
        reference: of the same column.
        values: of the window.
        plan: which tests, and how many rows they need.
        engine: makes the tests.
    """
    rows = values.rows - values.missing
    known = reference.rows - reference.missing
    test, note = "", ""
    result: TestResult | None = None
    cells: Cells | None = None
    distance: float | None = None
    if rows < plan.min_rows or known < plan.min_rows:
        side, count = ("window", rows) if rows < plan.min_rows else ("reference", known)
        note = f"{count} rows of the {side} have a value: a test needs {plan.min_rows}"
    elif isinstance(values, CategoryColumn) and isinstance(reference, CategorySketch):
        test, cells = "chi_square", _category_cells(reference, values)
        result, note = _counts_test(test, *cells, engine)
    elif not isinstance(values, NumberColumn) or not isinstance(reference, NumberReference):
        note = f"the reference holds no {kind}"
    elif kind == "boolean":
        test, cells = plan.boolean_test, _boolean_cells(reference, values)
        result, note = _counts_test(test, *cells, engine)
        if int(cells[1].sum()) != rows:
            test, result, cells, note = "", None, None, "it holds numbers other than 0 and 1"
    else:
        test, result, note = _number_test(reference, values, plan, engine)
        cells, distance = number_cells(reference, values.values), wasserstein(reference, values.values)
    if result and math.isnan(result.p_value):
        test, result, note = "", None, f"{test} gave no p-value"
    return ColumnDrift(
        name=name,
        kind=kind,
        test=test,
        statistic=result.statistic if result and math.isfinite(result.statistic) else None,
        p_value=result.p_value if result else None,
        adjusted_p=None,
        psi=psi(*cells) if cells else None,
        wasserstein=distance,
        jensen_shannon=jensen_shannon(*cells) if cells else None,
        largest_error=result.largest_error if result else 0.0,
        rows=rows,
        missing=values.missing / values.rows,
        reference_missing=reference.missing / reference.rows if reference.rows else 0.0,
        missing_p=missing_p(reference.missing, known, values.missing, rows),
        importance=plan.importances.get(name, 0.0),
        important=name in plan.important,
        note=note,
    )


def _number_test(
    reference: NumberReference, values: NumberColumn, plan: DriftPlan, engine: Engine
) -> tuple[str, TestResult, str]:
    first, last = values.values[0], values.values[-1]
    constant = float(reference.values[0])
    if (
        first == last
        and constant == reference.values[-1]
        and math.isclose(first, constant, rel_tol=_SAME, abs_tol=_SAME)
    ):
        return plan.number_test, TestResult(0.0, 1.0), "the same value in every row, here and in the reference"
    if plan.number_test == "cvm" and (reason := _no_cvm(reference, values.values)):
        return "ks", engine.ks(reference, values.values), reason
    return plan.number_test, getattr(engine, plan.number_test)(reference, values.values), ""


def _no_cvm(reference: NumberReference, window: npt.NDArray[np.float64]) -> str:
    """Why the test of Cramer and von Mises would not answer truly; empty where it does.

    Scipy, and alibi-detect with it, gives equal values their middle rank, but compares it with the place of each of
    them. The squares of those differences come on top of the statistic: a column of 50 whole numbers was seen at
    p = 1e-11 without any drift, and a constant is always at p = 0.
    """
    if reference.ranks is not None:
        return "cvm needs every value of the reference, not a sketch"
    rows, count = reference.present, len(window)
    cubes = rows * _repeats_cubed(reference.values) + count * _repeats_cubed(window)
    surplus = cubes / (12.0 * rows * count * (rows + count))
    return "cvm overstates the change of values that repeat" if surplus > _CVM_SURPLUS else ""


def _repeats_cubed(values: npt.NDArray[np.float64]) -> float:
    """The sum over distinct values, of which there are sorted ones, of the cube of how often each stands there."""
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True)) + 1.0
    return float((np.diff(ends, prepend=0.0) ** 3).sum())


def _counts_test(test: str, reference: Counts, window: Counts, engine: Engine) -> tuple[TestResult, str]:
    if np.count_nonzero(reference + window) < 2:
        return TestResult(0.0, 1.0), "one category is left, here and in the reference"
    made: TestResult = getattr(engine, test)(reference, window)
    return made, ""


def _category_cells(reference: CategorySketch, values: CategoryColumn) -> tuple[Counts, Counts]:
    names = list(reference.counts)
    expected = np.array([reference.counts[name] for name in names] + [reference.other], dtype=np.int64)
    found = np.array([values.counts.get(name, 0) for name in names] + [values.other], dtype=np.int64)
    return pooled(expected, found)


def _boolean_cells(reference: NumberReference, values: NumberColumn) -> tuple[Counts, Counts]:
    """Rows of false and of true."""
    if reference.ranks is None:
        false = int(rows_below(reference, np.zeros(1), "right")[0])
    else:
        false = round(reference.present * (1.0 - reference.mean))
    ones = int(np.searchsorted(values.values, 1.0, "right") - np.searchsorted(values.values, 1.0, "left"))
    zeros = int(np.searchsorted(values.values, 0.0, "right") - np.searchsorted(values.values, 0.0, "left"))
    return np.array([false, reference.present - false]), np.array([zeros, ones])
