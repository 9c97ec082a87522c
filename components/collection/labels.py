"""Labels that come later than the rows they belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from kfp_lifecycle.components.collection.times import to_instants
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.logged_rows import REQUEST_ID, ROW
from kfp_lifecycle.core.rows import row_hashes

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa


@dataclass(frozen=True)
class Labels:
    """One label a key, in memory, ordered by the hash of the key.

    Attributes:
        keys: the columns of the rows by which a label is found.
        label: the label's column.
        table: the keys under the rows' names, and the label.
        hashes: of the keys, ascending.
        without_key, later: labels left out because they have no key, or came to be known after ``as_of``.
    """

    keys: Sequence[str]
    label: str
    table: pa.Table
    hashes: npt.NDArray[np.uint64]
    without_key: int = 0
    later: int = 0

    def of(self, batch: pa.RecordBatch) -> pa.Array:
        """The label of each row, null where there is none.

        Raises:
            InputError: the labels name requests without their rows, and a request has several.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = self.table.schema.field(self.label).type
        if not len(self.hashes) or not batch.num_rows:
            return pa.nulls(batch.num_rows, kind)
        wanted = row_hashes(batch, self.keys)
        places = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        found = self.hashes[places] == wanted
        taken = self.table.take(places).combine_chunks()
        # Hashes may meet by chance; a wrong label would never be noticed.
        equal = pa.array(found)
        for name in self.keys:
            equal = pc.and_(equal, pc.fill_null(pc.equal(batch[name], _flat(taken[name])), False))
        if REQUEST_ID in self.keys and len(self.keys) == 1:
            _require_single_rows(batch, equal)
        return pc.if_else(equal, _flat(taken[self.label]), pa.scalar(None, kind))


def joined(batches: Iterator[pa.RecordBatch], labels: Labels, count: Counter[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a stream with their label as one more column; ``count`` gets how many are ``labelled``."""
    for batch in batches:
        found = labels.of(batch)
        count["labelled"] += len(found) - found.null_count
        yield batch.append_column(labels.label, found)


def order_labels(
    table: pa.Table, keys: Mapping[str, str], types: Mapping[str, pa.DataType], label: str, time: str, as_of: datetime
) -> Labels:
    """Make labels ready to be joined.

    Args:
        table: the labels as they were read.
        keys: what ``label_keys`` gives.
        types: of the rows' columns; keys are compared in those.
        label: the label's column.
        time: the column that says when a label came to be known; of several for one key the latest counts, and none
            after ``as_of``. Empty where there is none: then several have to agree.

    Raises:
        InputError: a key cannot be compared with the rows', or labels of one key disagree.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pa.table(
        {**{ours: _as_key(theirs, table[theirs], types[ours]) for theirs, ours in keys.items()}, label: table[label]}
    )
    usable = np.logical_and.reduce([_present(_flat(column)) for column in known.columns])
    without_key = len(usable) - int(usable.sum())
    times = np.zeros(len(known), np.int64)
    if time:
        instants = to_instants(_flat(table[time]), time)
        in_time = pc.fill_null(pc.less_equal(instants, pa.scalar(as_of, instants.type)), False)
        usable &= in_time.to_numpy(zero_copy_only=False)
        times = instants.cast("int64").fill_null(0).to_numpy()
    later = len(usable) - without_key - int(usable.sum())
    known, times = known.filter(pa.array(usable)), times[usable]
    names = list(keys.values())
    hashes = row_hashes(known, names) if len(known) else np.empty(0, np.uint64)
    # By hash, then time, then place in the files.
    order = np.lexsort((times, hashes))
    known, hashes, times = known.take(order).combine_chunks(), hashes[order], times[order]
    _require_agreement(known, names, label, hashes, times, bool(time))
    last = np.append(hashes[1:] != hashes[:-1], True)[: len(hashes)]
    return Labels(names, label, known.filter(pa.array(last)).combine_chunks(), hashes[last], without_key, later)


def _require_agreement(
    table: pa.Table,
    names: list[str],
    label: str,
    hashes: npt.NDArray[np.uint64],
    times: npt.NDArray[np.int64],
    timed: bool,
) -> None:
    """Refuse two labels of one key, unless one of them is the later."""
    import pyarrow.compute as pc

    if len(table) < 2:
        return
    values = _flat(table[label])
    differ = pc.not_equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
    clashes = np.flatnonzero((hashes[1:] == hashes[:-1]) & (times[1:] == times[:-1]) & differ)
    if len(clashes):
        place = int(clashes[0])
        raise InputError(
            "labels_uri",
            {name: table[name][place].as_py() for name in names},
            f"one label a row{' at a time' * timed}, found {values[place].as_py()!r} and {values[place + 1].as_py()!r}",
            "Repair the labels."
            if timed
            else "Repair them, or name by labels_time the column that says which is later.",
        )


def _present(column: pa.Array) -> npt.NDArray[np.bool_]:
    import pyarrow.compute as pc

    # Not a number is no value either.
    return np.asarray(pc.invert(pc.is_null(column, nan_is_null=True)).to_numpy(zero_copy_only=False), np.bool_)


def _require_single_rows(batch: pa.RecordBatch, found: pa.Array) -> None:
    import pyarrow.compute as pc

    if ROW not in batch.schema.names:
        return
    further = pc.and_(found, pc.fill_null(pc.greater(batch[ROW], 0), False))
    if pc.any(further).as_py():
        request = batch[REQUEST_ID].filter(further)[0].as_py()
        raise InputError(
            "labels_id",
            request,
            "labels that name the row as well, as this request holds several",
            "Add the column with the number of the row in its request, from 0 on.",
        )


def _as_key(name: str, column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.types as types

    values = _flat(column)
    if types.is_floating(values.type) and types.is_string(kind):
        kind_of = "text in the rows and numbers with a point in the labels"
    elif types.is_timestamp(kind) and types.is_string(values.type):
        return to_instants(values, name).cast(kind)
    else:
        try:
            return values.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            kind_of = f"{kind} in the rows and {values.type} in the labels"
    raise InputError("labels_id", name, f"keys of one type, found {kind_of}", "Convert the column of the labels.")


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    import pyarrow as pa

    if isinstance(column, pa.Array):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
