"""Rows of a window and of the reference as one matrix each, for detectors that look at all columns together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.components.monitoring.engines.window_rows import WindowRows
from kfp_lifecycle.core.signature import ColumnType

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Matrix = npt.NDArray[np.float64]

_MOST_INDICATORS = 20


def drawn_rows(rows: WindowRows, names: Sequence[str], count: int, seed: int) -> pd.DataFrame:
    """So many rows of the window, drawn without replacement and in its order; memory holds them and one batch."""
    import pyarrow as pa

    chosen = np.arange(rows.rows)
    if rows.rows > count:
        chosen = np.sort(np.random.default_rng(seed).choice(rows.rows, count, replace=False))
    parts, passed = [], 0
    for batch in rows.read(list(names)):
        inside = chosen[(chosen >= passed) & (chosen < passed + batch.num_rows)] - passed
        parts.append(batch.select(list(names)).take(pa.array(inside)))
        passed += batch.num_rows
    schema = pa.schema([rows.schema.field(name) for name in names])
    frame: pd.DataFrame = pa.Table.from_batches(parts, schema).to_pandas()
    return frame


def numbered(frame: pd.DataFrame, like: pd.DataFrame, kind: ColumnType, name: str) -> Matrix:
    """A column as numbers, missing ones NaN.

    A category is the rank of its frequency in ``like``; all that ``like`` does not have come after its last.
    """
    if kind == "category":
        ranks = {value: rank for rank, value in enumerate(like[name].value_counts().index)}
        present = frame[name].notna().to_numpy()
        codes = frame[name].map(ranks).fillna(len(ranks)).to_numpy(dtype=np.float64)
        return np.where(present, codes, np.nan)
    values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def trees_matrix(frame: pd.DataFrame, like: pd.DataFrame, types: dict[str, ColumnType]) -> Matrix:
    """One column a feature, missing values left as they are: for trees."""
    return np.column_stack([numbered(frame, like, kind, name) for name, kind in types.items()])


def kernel_matrix(frame: pd.DataFrame, like: pd.DataFrame, types: dict[str, ColumnType]) -> Matrix:
    """Numbers by the mean and deviation of ``like``, indicators of its frequent categories and of what is missing.

    A kernel knows no missing value: MMD answers NaN with p = 0, and LSDD fails.
    """
    columns: list[Any] = []
    for name, kind in types.items():
        values, base = numbered(frame, like, kind, name), numbered(like, like, kind, name)
        if kind == "category":
            most = min(int(np.nanmax(base, initial=-1.0)) + 1, _MOST_INDICATORS)
            columns += [(values == rank).astype(np.float64) for rank in range(most)]
            continue
        known = base[~np.isnan(base)]
        middle, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
        columns.append(np.nan_to_num((values - middle) / (spread or 1.0), nan=0.0))
        columns.append(np.isnan(values).astype(np.float64))
    return np.column_stack(columns)
