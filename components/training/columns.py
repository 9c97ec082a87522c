"""Which columns of a table a model learns from, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.core.columns import unknown_column
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.signature import Column, ColumnType

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Below this many rows a column of distinct texts is no sign of an identifier.
_IDENTIFIER_ROWS = 50


def _named(parameter: str, names: Sequence[str], known: Sequence[str]) -> list[str]:
    for name in names:
        if name not in known:
            raise unknown_column(parameter, name, known, "the table")
    return list(names)


def candidate_columns(
    schema: pa.Schema, label: str, features: Sequence[str], exclude: Sequence[str], time_column: str
) -> list[str]:
    """The columns to look at, in the table's order: those asked for, or all but the label, the time and those excluded.

    Raises:
        InputError: a name that the table does not have, the label among the features, a time column without times, or
            nothing left.
    """
    import pyarrow.types as types

    known = schema.names
    _named("label", [label], known)
    _named("exclude", exclude, known)
    if time_column:
        _named("time_column", [time_column], known)
        kind = schema.field(time_column).type
        if not (types.is_timestamp(kind) or types.is_date(kind)):
            raise InputError("time_column", time_column, f"a column of times, not of {kind}", "Convert it before.")
    if label in features:
        raise InputError("features", label, "inputs without the label", "Leave the label out.")
    wanted = set(_named("features", features, known) or known) - {label, time_column, *exclude}
    chosen = [name for name in known if name in wanted]
    if not chosen:
        raise InputError(
            "features", list(features), "at least one column besides label and time", "Exclude fewer columns."
        )
    return chosen


def column_type(name: str, kind: pa.DataType) -> ColumnType | None:
    """How a stored column is learned from; None for a column without any value.

    Raises:
        InputError: times and bytes, which no estimator takes.
    """
    import pyarrow.types as types

    if types.is_boolean(kind):
        return "boolean"
    if types.is_integer(kind):
        return "integer"
    if types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_string(kind):
        return "category"
    if types.is_null(kind):
        return None
    raise InputError(
        "features",
        name,
        f"columns of numbers, booleans or text; this one holds {kind}",
        "Put it into exclude, name it as time_column, or derive numbers from it before.",
    )


def _flaw(values: pd.Series) -> str:
    """Why a column teaches nothing; empty when it may."""
    if not values.notna().any():
        return "has no value at all"
    if values.nunique(dropna=False) == 1:
        return f"is {values.iloc[0]!r} in every row"
    return ""


def _require_finite(name: str, values: pd.Series) -> None:
    if values.dtype.kind == "f" and np.isinf(values.to_numpy()).any():
        raise InputError(
            name, f"{int(np.isinf(values.to_numpy()).sum())} infinite values", "finite numbers or missing values",
            "Replace them before, or leave the column out.",
        )  # fmt: skip


def choose_columns(
    frame: pd.DataFrame, schema: pa.Schema, names: Sequence[str], features: Sequence[str]
) -> tuple[list[Column], list[str]]:
    """The model's inputs, and a line for each column that is dropped or looks wrong.

    Columns without a value and columns with one value in every row are dropped, unless ``features`` names them.

    Raises:
        InputError: a column asked for has no value, holds infinity or a type that no estimator takes; nothing is left.
    """
    columns, notes = [], []
    for name in names:
        kind = column_type(name, schema.field(name).type)
        values = frame[name]
        flaw = _flaw(values)
        if name in features and (kind is None or not values.notna().any()):
            raise InputError("features", name, "a column with values", "Repair its source, or leave it out.")
        if kind is None or (flaw and name not in features):
            notes.append(f"column {name!r} is dropped: it {flaw or 'has no value at all'}")
            continue
        _require_finite(name, values)
        if kind == "category" and len(values) >= _IDENTIFIER_ROWS and values.is_unique:
            notes.append(f"column {name!r} has another text in every row: an identifier? Put it into exclude")
        columns.append(Column(name, kind, bool(values.isna().any())))
    if not columns:
        raise InputError("table", list(names), "a column that is not the same in every row", "; ".join(notes) + ".")
    return columns, notes
