"""Labels as they are read, made ready to be found by key: at most one for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.components.collection.labels import Labels
from kfp_lifecycle.components.collection.times import to_instants
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.rows import row_hashes

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa


@dataclass(frozen=True)
class LabelColumns:
    """What the columns of the labels' table mean.

    Attributes:
        keys: those to join by, with those of the rows.
        types: of the rows' columns; keys are compared in those.
        label: the label.
        time: when a label came to be known; of several for one key the latest counts, and none after ``as_of``. Empty
            where there is no such column: then several have to agree.
        as_of: the instant after which no label is known.
    """

    keys: Mapping[str, str]
    types: Mapping[str, pa.DataType]
    label: str
    time: str
    as_of: datetime


def index_labels(batches: Iterator[pa.RecordBatch], kind: pa.DataType, columns: LabelColumns) -> Labels:
    """Read labels into memory; beside keys and labels themselves that takes 24 bytes a label.

    Args:
        batches: the labels' table.
        kind: the type of the label.
        columns: what its columns mean.

    Raises:
        InputError: a key cannot be compared with the rows', or labels of one key disagree.
    """
    import pyarrow as pa

    names = list(columns.keys.values())
    schema = pa.schema([*((name, columns.types[name]) for name in names), (columns.label, kind)])
    kept, hashes, times = [], [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    without_key = later = 0
    for batch in batches:
        keys = [_as_key(theirs, batch[theirs], columns.types[ours]) for theirs, ours in columns.keys.items()]
        known = pa.record_batch([*keys, batch[columns.label]], schema)
        usable = np.logical_and.reduce([_present(column) for column in known.columns])
        instants, in_time = _times(batch, columns)
        without_key += len(usable) - int(usable.sum())
        later += int((usable & ~in_time).sum())
        usable &= in_time
        known = known.filter(pa.array(usable))
        kept.append(known)
        hashes.append(row_hashes(known, names))
        times.append(instants[usable])
    table = pa.Table.from_batches(kept, schema).combine_chunks()
    del kept
    order, chosen = _latest(np.concatenate(hashes), np.concatenate(times), table, columns)
    return Labels(names, columns.label, table, chosen, order, without_key, later)


def _latest(
    hashes: npt.NDArray[np.uint64], times: npt.NDArray[np.int64], table: pa.Table, columns: LabelColumns
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """The place of the last label of each key, and its hash, by ascending hash."""
    import pyarrow.compute as pc

    # By hash, then time, then place in the files.
    order = np.lexsort((times, hashes))
    hashes, times = hashes[order], times[order]
    same = hashes[1:] == hashes[:-1]
    ties = np.flatnonzero(same & (times[1:] == times[:-1]))
    if len(ties):
        values = table[columns.label]
        differ = pc.not_equal(values.take(order[ties]), values.take(order[ties + 1])).to_numpy()
        if differ.any():
            _refuse(len(np.unique(hashes[ties[differ]])), columns)
    last = np.append(~same, True)[: len(hashes)]
    return order[last], hashes[last]


def _refuse(conflicts: int, columns: LabelColumns) -> None:
    """Tell how many keys have labels that disagree; keys and labels themselves may be of persons."""
    raise InputError(
        "labels_uri",
        list(columns.keys.values()),
        f"one label a row{' at a time' * bool(columns.time)}, found other labels of {conflicts} key(s)",
        "Repair the labels." if columns.time else "Repair them, or name by labels_time the column that says when.",
    )


def _times(batch: pa.RecordBatch, columns: LabelColumns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """When each label came to be known, in microseconds, and whether that was in time; never where it is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not columns.time:
        return np.zeros(batch.num_rows, np.int64), np.ones(batch.num_rows, np.bool_)
    instants = to_instants(batch[columns.time], columns.time)
    in_time = pc.fill_null(pc.less_equal(instants, pa.scalar(columns.as_of, instants.type)), False)
    return instants.cast("int64").fill_null(0).to_numpy(), in_time.to_numpy(zero_copy_only=False)


def _present(column: pa.Array) -> npt.NDArray[np.bool_]:
    import pyarrow.compute as pc

    # Not a number is no value either.
    return np.asarray(pc.invert(pc.is_null(column, nan_is_null=True)).to_numpy(zero_copy_only=False), np.bool_)


def _as_key(name: str, values: pa.Array, kind: pa.DataType) -> pa.Array:
    """A key in the type of the rows' column.

    Raises:
        InputError: a value does not fit it.
    """
    import pyarrow as pa
    import pyarrow.types as types

    if types.is_floating(values.type) and types.is_string(kind):
        found = "text in the rows and numbers with a point in the labels"
    elif types.is_timestamp(kind) and types.is_string(values.type):
        return to_instants(values, name).cast(kind)
    else:
        try:
            return values.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            found = f"{kind} in the rows and {values.type} in the labels"
    raise InputError("labels_id", name, f"keys of one type, found {found}", "Convert the column of the labels.")
