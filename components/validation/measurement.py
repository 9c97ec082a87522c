"""What a table holds, measured in one pass over its batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kfp_lifecycle.core.rows import row_hashes

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

# A text column with more different values than this is free text, in which a new value is no surprise.
MOST_CATEGORIES = 200
_EXAMPLES = 3


@dataclass
class ColumnMeasurement:
    """One column.

    Attributes:
        name: of the column.
        kind: number, boolean, text, time, clock, bytes, or nothing for a column without a type.
        missing: values that are null or NaN.
        infinite: values that are infinite.
        minimum: the smallest finite number; none without one.
        maximum: the largest.
        last: the last finite number.
        rising: no number is smaller than one before it, as in a counter.
        categories: the values of a text column; none where there are too many.
        unseen: values that are none of the known categories.
        examples: a few of those.
        unique: every row has a value of its own.
        repeats: the rows, by number, whose value an earlier row has; only for columns that must be unique.
    """

    name: str
    kind: str
    missing: int = 0
    infinite: int = 0
    minimum: float | int | None = None
    maximum: float | int | None = None
    last: float | int | None = None
    rising: bool = True
    categories: set[str] | None = None
    unseen: int = 0
    examples: set[str] = field(default_factory=set)
    unique: bool = False
    repeats: Any = None


@dataclass
class Measurement:
    """A table.

    Attributes:
        rows: how many.
        columns: by name, in the table's order.
        duplicates: rows that repeat an earlier row in every column.
        label_values: how many different values the label has, counted up to two.
    """

    rows: int
    columns: dict[str, ColumnMeasurement]
    duplicates: int
    label_values: int

    @property
    def duplicate_share(self) -> float:
        return self.duplicates / self.rows if self.rows else 0.0


def measure(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    label: str,
    known: Mapping[str, Sequence[str]] | None = None,
    unique: Sequence[str] | None = None,
) -> Measurement:
    """Measure a stream of batches; memory grows by 8 bytes a row, and 8 more for each column of identifiers.

    Args:
        batches: the rows.
        schema: of the table.
        label: the column whose values are counted.
        known: the known categories of some columns; values that are none of them are counted.
        unique: columns whose repeated values are wanted; None asks which columns are unique instead.
    """
    columns = {item.name: ColumnMeasurement(item.name, kind_of(item.type)) for item in schema}
    for column in columns.values():
        column.categories = set() if column.kind == "text" else None
    sought = (
        [name for name, column in columns.items() if _may_be_identifier(column, schema)] if unique is None else unique
    )
    identifiers: dict[str, list[Hashes]] = {name: [] for name in sought}
    rows: list[Hashes] = []
    label_hashes: set[int] = set()
    for batch in batches:
        rows.append(row_hashes(batch, schema.names))
        for column in columns.values():
            _tally(column, batch.column(batch.schema.get_field_index(column.name)), (known or {}).get(column.name))
        for name in list(identifiers):
            identifiers[name].append(row_hashes(batch, [name]))
            # Most columns repeat a value at once, and are not kept in memory any longer.
            if unique is None and _has_repeats(identifiers[name][-1]):
                del identifiers[name]
        if len(label_hashes) < 2:
            present = batch.filter(_present(batch.column(batch.schema.get_field_index(label))))
            label_hashes |= set(np.unique(row_hashes(present, [label]))[:2].tolist())
    for name, parts in identifiers.items():
        _find_repeats(columns[name], np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64))
    hashes = np.concatenate(rows) if rows else np.empty(0, dtype=np.uint64)
    return Measurement(len(hashes), columns, len(hashes) - len(np.unique(hashes)), min(len(label_hashes), 2))


def kind_of(given: pa.DataType) -> str:
    """What a type means to the checks: number, boolean, text, time, clock, bytes or nothing."""
    import pyarrow.types as types

    if types.is_null(given):
        return "nothing"
    if types.is_boolean(given):
        return "boolean"
    if types.is_string(given):
        return "text"
    if types.is_timestamp(given) or types.is_date(given):
        return "time"
    if types.is_time(given):
        return "clock"
    return "bytes" if types.is_binary(given) else "number"


if TYPE_CHECKING:
    Hashes = npt.NDArray[np.uint64]


def _may_be_identifier(column: ColumnMeasurement, schema: pa.Schema) -> bool:
    import pyarrow.types as types

    return column.kind == "text" or types.is_integer(schema.field(column.name).type)


def _tally(column: ColumnMeasurement, values: pa.Array, known: Sequence[str] | None) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    present = values.filter(_present(values))
    column.missing += len(values) - len(present)
    if column.kind == "number":
        numbers = present.cast(pa.float64()) if pa.types.is_decimal(present.type) else present
        finite = numbers.filter(pc.is_finite(numbers))
        column.infinite += len(numbers) - len(finite)
        _tally_order(column, finite.to_numpy(zero_copy_only=False))
        edges = pc.min_max(finite).as_py()
        column.minimum = _of(min, column.minimum, edges["min"])
        column.maximum = _of(max, column.maximum, edges["max"])
    elif column.kind == "text":
        if column.categories is not None:
            column.categories |= set(pc.unique(present).to_pylist())
            if len(column.categories) > MOST_CATEGORIES:
                column.categories = None
        if known is not None:
            strange = present.filter(pc.invert(pc.is_in(present, pa.array(known, pa.string()))))
            column.unseen += len(strange)
            column.examples = set(sorted(column.examples | set(pc.unique(strange).to_pylist()))[:_EXAMPLES])


def _tally_order(column: ColumnMeasurement, numbers: npt.NDArray[Any]) -> None:
    if len(numbers):
        follows = column.last is None or numbers[0] >= column.last
        column.rising = column.rising and bool(follows and (numbers[1:] >= numbers[:-1]).all())
        column.last = numbers[-1].item()


def _present(values: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.is_valid(values) if values.type == "null" else pc.invert(pc.is_null(values, nan_is_null=True))


def _of(choose: Any, one: Any, other: Any) -> Any:
    return choose(value for value in (one, other) if value is not None) if (one, other) != (None, None) else None


def _has_repeats(hashes: Hashes) -> bool:
    return len(np.unique(hashes)) < len(hashes)


def _find_repeats(column: ColumnMeasurement, hashes: Hashes) -> None:
    """All rows but the first with a value; missing values do not repeat each other."""
    import pyarrow as pa

    nothing = row_hashes(pa.table({column.name: pa.nulls(1)}), [column.name])[0]
    _, first = np.unique(hashes, return_index=True)
    repeats = np.ones(len(hashes), dtype=bool)
    repeats[first] = False
    repeats[hashes == nothing] = False
    column.repeats = repeats
    column.unique = len(hashes) > 0 and column.missing == 0 and not repeats.any()
