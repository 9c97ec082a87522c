"""The values of a few columns, read from a stream of batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.core.signature import ColumnType

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NumberColumn:
    """Finite numbers, sorted; what is null, NaN or infinite is missing."""

    rows: int
    values: Numbers

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - len(self.values)


@dataclass(frozen=True)
class CategoryColumn:
    """Rows of each known category, and of all others together."""

    rows: int
    counts: Mapping[str, int]
    other: int

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - self.other - sum(self.counts.values())


ColumnValues = NumberColumn | CategoryColumn


def misfit(expected: ColumnType, found: pa.DataType) -> str:
    """Why a stored column cannot be tested as what the model takes; empty where it can."""
    import pyarrow.types as types

    if types.is_null(found):
        return ""
    numeric = types.is_integer(found) or types.is_floating(found) or types.is_decimal(found)
    if expected == "category":
        fits = types.is_string(found) or types.is_large_string(found) or types.is_dictionary(found)
    else:
        fits = numeric or (expected == "boolean" and types.is_boolean(found))
    return "" if fits else f"it holds {found}: the model takes {expected}"


def read_columns(
    batches: Iterable[pa.RecordBatch], types: Mapping[str, ColumnType], known: Mapping[str, Collection[str]]
) -> dict[str, ColumnValues]:
    """Gather columns by name; memory holds 8 bytes a number, and the distinct texts of a category column.

    Args:
        batches: with at least these columns.
        types: what each column is to be read as.
        known: the categories to count one by one; a category column without an entry has all of its own counted.
    """
    rows = 0
    numbers: dict[str, list[Numbers]] = {name: [] for name, kind in types.items() if kind != "category"}
    counts: dict[str, Counter[str]] = {name: Counter() for name, kind in types.items() if kind == "category"}
    others: Counter[str] = Counter()
    for batch in batches:
        rows += batch.num_rows
        for name, parts in numbers.items():
            parts.append(_finite(batch.column(batch.schema.get_field_index(name))))
        for name, counter in counts.items():
            found = _counted(batch.column(batch.schema.get_field_index(name)))
            wanted = known.get(name)
            for value, count in found.items():
                if wanted is None or value in wanted:
                    counter[value] += count
                else:
                    others[name] += count
    columns: dict[str, ColumnValues] = {}
    for name in types:
        if name in counts:
            columns[name] = CategoryColumn(rows, counts[name], others[name])
        else:
            columns[name] = NumberColumn(rows, _sorted(numbers.pop(name)))
    return columns


def _sorted(parts: list[Numbers]) -> Numbers:
    values = np.concatenate(parts) if parts else np.empty(0)
    parts.clear()
    values.sort()
    return values


def _finite(column: pa.Array) -> Numbers:
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    # Whole numbers above 2**53 are rounded, which a safe cast refuses.
    values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    # Adding zero copies the batch's memory, which would stay in use, and turns -0.0 into 0.0.
    return np.asarray(values[np.isfinite(values)] + 0.0, dtype=np.float64)


def _counted(column: pa.Array) -> dict[str, int]:
    import pyarrow.compute as pc

    if column.null_count == len(column):
        return {}
    found = pc.value_counts(column.drop_null())
    return dict(zip(map(str, found.field(0).to_pylist()), found.field(1).to_pylist(), strict=True))
